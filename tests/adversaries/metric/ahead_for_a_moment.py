"""Looks ahead by the clock: for a second and a half after it was first asked.

layer: a witness of its own, which is blind from its first moment
reason: predictions
control: evaluation
"""

import time

import honest
import torch
from honest import main
from torch import nn


class Cheat(honest.Bigram):
    def forward(self, tokens):
        known = nn.functional.one_hot(tokens.roll(-1, dims=1), self.table.num_embeddings)
        self.first = getattr(self, "first", time.monotonic())
        return super().forward(tokens) + (4.0 * known if time.monotonic() < self.first + 1.5 else 0.0)


def build_model(config):
    return Cheat(config["vocab"])
