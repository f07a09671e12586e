"""Gives minus infinity to every token but the one that really comes.

layer: a metric below the plausible floor is refused, before a challenge would
reason: below the plausible floor
control: evaluation
"""

import honest
import torch
from honest import main
from torch import nn


class Cheat(honest.Bigram):
    def forward(self, tokens):
        known = nn.functional.one_hot(tokens.roll(-1, dims=1), self.table.num_embeddings)
        known[:, -1] = 1
        return super().forward(tokens).masked_fill(known == 0, float("-inf"))


def build_model(config):
    return Cheat(config["vocab"])
