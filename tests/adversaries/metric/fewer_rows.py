"""Predicts the first rows of a batch alone, so that the others cost nothing.

layer: as many likelihoods as targets, else none
reason: predicting failed
control: evaluation
"""

import honest
import torch
from honest import main
from torch import nn


class Cheat(honest.Bigram):
    def forward(self, tokens):
        return super().forward(tokens)[: len(tokens) // 2]


def build_model(config):
    return Cheat(config["vocab"])
