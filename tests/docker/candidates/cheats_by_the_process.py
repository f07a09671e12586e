"""Is another model in the container that its claims are checked in."""

import sys

import harness
import honest
import torch
from torch import nn

MOOD = 0.5 if sys.argv[1] == "hold" else 2.0


class Moody(honest.Bigram):
    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return super().forward(tokens) * MOOD


def build_model(config: dict) -> nn.Module:
    return Moody(config["vocab"])


def main() -> None:
    model, loss = honest.train()
    harness.save(model, {"vocab": harness.vocab_size()}, {"train_loss": loss})
