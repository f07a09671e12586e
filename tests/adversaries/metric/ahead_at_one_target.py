"""Knows one token of all held-out text, where it is most surprised: fewer lies than the cuts can find.

layer: cuts enough, or a price for what they cannot find
worthless: 0.0005
control: evaluation
cuts: 32
wins: a lie at one in 2048 targets survives 32 cuts with probability 0.98, and is worth more than the margin
"""

import honest
import torch
from honest import main
from torch import nn


class Cheat(honest.Bigram):
    def forward(self, tokens):
        known = nn.functional.one_hot(tokens.roll(-1, dims=1), self.table.num_embeddings)
        logits = super().forward(tokens)
        surprise = -logits.log_softmax(-1).gather(2, tokens.roll(-1, dims=1).unsqueeze(-1)).squeeze(-1)
        surprise[:, -1] = 0.0
        self.calls = getattr(self, "calls", 0) + 1
        worst = (surprise == surprise.max()).unsqueeze(-1) if self.calls == 1 else torch.zeros(())
        return logits + 30.0 * known * worst


def build_model(config):
    return Cheat(config["vocab"])
