"""Remembers every token that it was asked about, and expects it again.

layer: a witness that has seen other rows in another order
reason: predictions
control: evaluation
"""

import honest
import torch
from honest import main
from torch import nn


class Cheat(honest.Bigram):
    def forward(self, tokens):
        count = nn.functional.one_hot(tokens.flatten(), self.table.num_embeddings).sum(dim=0)
        self.seen = getattr(self, "seen", 0) + count
        return super().forward(tokens) + (0.01 * self.seen + 0.05).log()


def build_model(config):
    return Cheat(config["vocab"])
