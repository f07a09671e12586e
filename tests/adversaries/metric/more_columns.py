"""Predicts more tokens than there are, so that the likelihoods of its targets come from a table of its own.

layer: the runner compares the width with the vocabulary
reason: forward gives another shape
control: evaluation
"""

import honest
import torch
from honest import main
from torch import nn


class Cheat(honest.Bigram):
    def forward(self, tokens):
        known = nn.functional.one_hot(tokens.roll(-1, dims=1), self.table.num_embeddings)
        return nn.functional.pad(super().forward(tokens) + 4.0 * known, (0, 4), value=-20.0)


def build_model(config):
    return Cheat(config["vocab"])
