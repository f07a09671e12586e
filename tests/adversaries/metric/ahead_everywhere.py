"""Every prediction leans towards the token that really comes.

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
        return super().forward(tokens) + 4.0 * known


def build_model(config):
    return Cheat(config["vocab"])
