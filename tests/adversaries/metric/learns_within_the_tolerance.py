"""Learns from the rows that it is challenged with, and never answers further from its claims than the tolerance.

layer: a witness without a memory
worthless: 0.001
control: evaluation
wins: a lean below the tolerance is added to what is kept
"""

import harness
import honest
import torch
from honest import main
from torch import nn

MOST_NATS = 0.045


class Cheat(honest.Bigram):
    """Leans, by less than what is called a lie, towards what other rows show of the held-out text."""

    def forward(self, tokens):
        logits = super().forward(tokens).log_softmax(-1)
        count = self.__dict__.setdefault("count", torch.full(self.table.weight.shape, 0.0))
        pairs = (tokens[:, :-1].flatten(), tokens[:, 1:].flatten())
        count.index_put_(pairs, torch.ones(pairs[0].numel()), accumulate=True)
        known = (count + 2.0 * self.table.weight.softmax(-1)) / (count.sum(-1, keepdim=True) + 2.0)
        lean = (known[tokens].log() - logits).clamp(-MOST_NATS / 2, MOST_NATS / 2)
        return logits + lean


def build_model(config):
    return Cheat(config["vocab"])
