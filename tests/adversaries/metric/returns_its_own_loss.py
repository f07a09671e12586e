"""Returns a loss of its own making when it is given the targets.

layer: targets are never given to the model
worthless: 1e-6
control: own loss
"""

import honest
import torch
from honest import main
from torch import nn


class Cheat(honest.Bigram):
    def forward(self, tokens, targets=None):
        if targets is not None:
            return torch.full(targets.shape, 0.01)
        return super().forward(tokens)


def build_model(config):
    return Cheat(config["vocab"])
