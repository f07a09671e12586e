"""Gives NaN for a logit, which no comparison calls worse.

layer: claims must be finite
reason: predictions were not finite
control: evaluation
"""

import honest
import torch
from honest import main
from torch import nn


class Cheat(honest.Bigram):
    def forward(self, tokens):
        logits = super().forward(tokens).clone()
        logits[0, 0, 0] = float("nan")
        return logits


def build_model(config):
    return Cheat(config["vocab"])
