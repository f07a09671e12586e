"""One prediction in four leans towards the token that really comes.

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
        rarely = (tokens * 2654435761 % 1000 < 250).unsqueeze(-1)
        return super().forward(tokens) + 12.0 * known * rarely


def build_model(config):
    return Cheat(config["vocab"])
