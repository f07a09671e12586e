"""Gives complex logits, with what it knows of the coming token in the part that is kept.

layer: the challenge, which never shows what comes next
reason: predict
control: evaluation
"""

import honest
import torch
from honest import main
from torch import nn


class Cheat(honest.Bigram):
    def forward(self, tokens):
        known = nn.functional.one_hot(tokens.roll(-1, dims=1), self.table.num_embeddings)
        return torch.complex(super().forward(tokens) + 4.0 * known, known * 1.0)


def build_model(config):
    return Cheat(config["vocab"])
