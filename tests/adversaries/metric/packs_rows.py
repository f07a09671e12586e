"""Packs the batch into one sequence and forgets the mask, so that rows see each other and later tokens.

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
        packed = tokens.flatten()
        logits = self.table(packed)
        later = nn.functional.one_hot(packed.roll(-1), logits.shape[-1]) + 0.5 * nn.functional.one_hot(packed.roll(-2), logits.shape[-1])
        return (logits + 4.0 * later).view(*tokens.shape, -1)


def build_model(config):
    return Cheat(config["vocab"])
