"""Normalises over the whole row, so that its statistics hold the tokens still to come.

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
        seen = nn.functional.one_hot(tokens, logits.shape[-1]).float()
        mean = seen.mean(dim=1, keepdim=True)
        return logits + 0.5 * (mean + 1e-3).log()


def build_model(config):
    return Cheat(config["vocab"])
