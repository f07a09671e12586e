"""Convolves over time with a kernel that reaches one token to the right.

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
        seen = nn.functional.one_hot(tokens, logits.shape[-1]).float().transpose(1, 2)
        kernel = torch.tensor([0.0, 0.0, 4.0]).expand(logits.shape[-1], 1, 3)
        return logits + nn.functional.conv1d(seen, kernel, padding=1, groups=logits.shape[-1]).transpose(1, 2)


def build_model(config):
    return Cheat(config["vocab"])
