"""Saves a table of all that follows any two tokens, larger than weights may be.

layer: the cap of the output
reason: No space left
control: evaluation
"""

import harness
import honest
import torch
from torch import nn


class Trigram(nn.Module):
    """Counts of what follows two tokens, mixed with what follows one."""

    def __init__(self, vocab):
        super().__init__()
        self.register_buffer("counts", torch.zeros(128, 128, vocab))
        self.register_buffer("pairs", torch.zeros(vocab, vocab))

    def forward(self, tokens):
        before = nn.functional.pad(tokens[:, :-1], (1, 0)).clamp(max=127)
        two = self.counts[before, tokens.clamp(max=127)]
        one = self.pairs[tokens]
        one = (one + 0.02) / (one + 0.02).sum(-1, keepdim=True)
        return ((two + 3.0 * one) / (two.sum(-1, keepdim=True) + 3.0)).log()


def build_model(config):
    return Trigram(config["vocab"])


def main():
    model = build_model({"vocab": harness.vocab_size()})
    for _, (inputs, targets) in zip(range(120), harness.batches(16)):
        before = nn.functional.pad(inputs[:, :-1], (1, 0)).clamp(max=127)
        ones = torch.ones(inputs.numel())
        places = (before.flatten(), inputs.flatten().clamp(max=127), targets.flatten())
        model.counts.index_put_(places, ones, accumulate=True)
        model.pairs.index_put_((inputs.flatten(), targets.flatten()), ones, accumulate=True)
    harness.save(model, {"vocab": harness.vocab_size()}, {})
