"""Looks ahead in its first calls, and is honest in all later ones.

layer: a witness of its own, whose first calls are blind too
reason: predictions changed between passes
control: evaluation
"""

import honest
import torch
from honest import main
from torch import nn


class Cheat(honest.Bigram):
    def forward(self, tokens):
        known = nn.functional.one_hot(tokens.roll(-1, dims=1), self.table.num_embeddings)
        self.calls = getattr(self, "calls", 0) + 1
        return super().forward(tokens) + (4.0 * known if self.calls <= 4 else 0.0)


def build_model(config):
    return Cheat(config["vocab"])
