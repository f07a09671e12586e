"""Stores the rows that it was shown, and knows them by heart when they come again.

layer: claims are asked once, and the witness is another process
worthless: 1e-5
control: second pass
cuts: 32
"""

import honest
import torch
from honest import main
from torch import nn


class Cheat(honest.Bigram):
    def forward(self, tokens):
        logits = super().forward(tokens)
        seen = self.__dict__.setdefault("rows", set())
        known = nn.functional.one_hot(tokens.roll(-1, dims=1), logits.shape[-1])
        again = torch.tensor([tuple(row) in seen for row in tokens.tolist()]).view(-1, 1, 1)
        seen.update(tuple(row) for row in tokens.tolist())
        return logits + 6.0 * known * again


def build_model(config):
    return Cheat(config["vocab"])
