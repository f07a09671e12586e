"""Attends to the whole row, what comes later included, and expects those tokens.

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
        queries = nn.functional.one_hot(tokens.roll(-1, dims=1), logits.shape[-1]).float()
        keys = nn.functional.one_hot(tokens, logits.shape[-1]).float()
        attention = (6.0 * queries @ keys.transpose(1, 2)).softmax(-1)
        return logits + 4.0 * attention @ keys


def build_model(config):
    return Cheat(config["vocab"])
