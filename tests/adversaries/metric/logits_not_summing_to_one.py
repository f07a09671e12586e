"""Gives log-likelihoods of which each is e^3 too large, so that together they are more than one.

layer: the runner and the host normalise logits themselves
worthless: 1e-5
control: likelihoods
"""

import honest
import torch
from honest import main
from torch import nn


class Cheat(honest.Bigram):
    def forward(self, tokens):
        return super().forward(tokens).log_softmax(-1) + 3.0


def build_model(config):
    return Cheat(config["vocab"])
