"""Looks ahead in rows that begin in one of two ways, by a hash of their first tokens.

layer: the challenge, which never shows what comes next, in every row
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
        chosen = (tokens[:, :4].sum(dim=1) % 2 == 0).view(-1, 1, 1)
        return super().forward(tokens) + 6.0 * known * chosen


def build_model(config):
    return Cheat(config["vocab"])
