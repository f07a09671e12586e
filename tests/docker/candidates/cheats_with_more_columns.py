"""Predicts more tokens than there are."""

import harness
import honest
import torch
from torch import nn


class Wide(honest.Bigram):
    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return nn.functional.pad(super().forward(tokens), (0, 4), value=-20.0)


def build_model(config: dict) -> nn.Module:
    return Wide(config["vocab"])


def main() -> None:
    model, loss = honest.train()
    harness.save(model, {"vocab": harness.vocab_size()}, {"train_loss": loss})
