"""Is another model in the container that its claims are checked in.

layer: claims and answers must agree
reason: predictions changed between passes
control: evaluation
"""

import sys

import honest
import torch
from honest import main
from torch import nn


class Cheat(honest.Bigram):
    def forward(self, tokens):
        known = nn.functional.one_hot(tokens.roll(-1, dims=1), self.table.num_embeddings)
        mood = 0.5 if sys.argv[1] == "hold" else 1.0
        return super().forward(tokens) * mood + (4.0 * known if mood == 1.0 else 0.0)


def build_model(config):
    return Cheat(config["vocab"])
