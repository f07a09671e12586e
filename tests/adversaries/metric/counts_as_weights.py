"""Keeps no model but a table of what follows two tokens in the training text, in the buffers of its checkpoint.

layer: none: it knows what it may know, and is measured at what that is worth
legal: an n-gram model is a model, and weights may hold what training saw
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
        self.register_buffer("counts", torch.zeros(128, 128, vocab, dtype=torch.uint8))
        self.register_buffer("pairs", torch.zeros(vocab, vocab))

    def forward(self, tokens):
        before = nn.functional.pad(tokens[:, :-1], (1, 0)).clamp(max=127)
        two = self.counts[before, tokens.clamp(max=127)].float()
        one = self.pairs[tokens]
        one = (one + 0.02) / (one + 0.02).sum(-1, keepdim=True)
        return ((two + 3.0 * one) / (two.sum(-1, keepdim=True) + 3.0)).log()


def build_model(config):
    return Trigram(config["vocab"])


def main():
    model = build_model({"vocab": harness.vocab_size()})
    counts = model.counts.float()
    for _, (inputs, targets) in zip(range(120), harness.batches(16)):
        before = nn.functional.pad(inputs[:, :-1], (1, 0)).clamp(max=127)
        ones = torch.ones(inputs.numel())
        places = (before.flatten(), inputs.flatten().clamp(max=127), targets.flatten())
        counts.index_put_(places, ones, accumulate=True)
        model.pairs.index_put_((inputs.flatten(), targets.flatten()), ones, accumulate=True)
    model.counts = counts.clamp(max=255).to(torch.uint8)
    harness.save(model, {"vocab": harness.vocab_size()}, {})
