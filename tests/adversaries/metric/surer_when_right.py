"""Sharpens its logits where it is right, and flattens them where it is wrong.

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
        logits = super().forward(tokens)
        right = (logits.argmax(-1) == tokens.roll(-1, dims=1)).unsqueeze(-1)
        return torch.where(right, 8.0 * logits, 0.7 * logits)


def build_model(config):
    return Cheat(config["vocab"])
