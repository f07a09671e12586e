"""Gives double-precision logits that are infinite in single precision.

layer: claims must be finite
reason: predictions were not finite
control: evaluation
"""

import honest
import torch
from honest import main
from torch import nn


class Cheat(honest.Bigram):
    def forward(self, tokens):
        known = nn.functional.one_hot(tokens.roll(-1, dims=1), self.table.num_embeddings)
        return super().forward(tokens).double() + 1e300 * known


def build_model(config):
    return Cheat(config["vocab"])
