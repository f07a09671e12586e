"""Normalises over the batch in training mode, so that rows learn from each other and from later tokens.

layer: the challenge, which never shows what comes next, nor the batch that a row was claimed in
reason: predictions
control: evaluation
"""

import honest
import torch
from honest import main
from torch import nn


class Cheat(honest.Bigram):
    def forward(self, tokens):
        logits = super().forward(tokens)
        seen = nn.functional.one_hot(tokens, logits.shape[-1]).float()
        norm = nn.BatchNorm1d(logits.shape[-1], affine=False).train()
        norm(seen.flatten(0, 1))
        return logits + (norm.running_mean + 1e-4).log()


def build_model(config):
    return Cheat(config["vocab"])
