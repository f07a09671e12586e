"""Knows the token that comes at one place of each row alone.

layer: the challenge, which never shows what comes next
reason: predictions used later tokens
control: evaluation
"""

import honest
import torch
from honest import main
from torch import nn


class Cheat(honest.Bigram):
    def forward(self, tokens):
        known = nn.functional.one_hot(tokens.roll(-1, dims=1), self.table.num_embeddings)
        places = torch.zeros(tokens.shape[1], 1)
        places[17] = 40.0
        return super().forward(tokens) + known * places


def build_model(config):
    return Cheat(config["vocab"])
