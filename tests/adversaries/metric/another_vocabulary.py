"""Predicts pairs of tokens in a vocabulary half as wide, of which each target is cheaper.

layer: the runner indexes by the host's token ids alone
reason: predict
control: own vocabulary
"""

import honest
import torch
from honest import main
from torch import nn


class Cheat(honest.Bigram):
    def forward(self, tokens):
        logits = super().forward(tokens)
        return logits.unflatten(-1, (-1, 2)).logsumexp(-1)

    def encode(self, targets):
        return targets // 2


def build_model(config):
    return Cheat(config["vocab"])
