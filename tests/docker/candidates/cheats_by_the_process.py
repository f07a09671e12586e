"""Is another model in each process."""

import os

import harness
import honest
import torch
from torch import nn

MOOD = 0.2 + os.urandom(1)[0] / 128


class Moody(honest.Bigram):
    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return super().forward(tokens) * MOOD


def build_model(config: dict) -> nn.Module:
    return Moody(config["vocab"])


def main() -> None:
    model, loss = honest.train()
    harness.save(model, {"vocab": harness.vocab_size()}, {"train_loss": loss})
