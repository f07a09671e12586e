"""Is surer or less sure by what else is in the batch."""

import harness
import honest
import torch
from torch import nn


class Crowd(honest.Bigram):
    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return super().forward(tokens) * (1 + (tokens[:, 0].sum() % 97).item() / 97)


def build_model(config: dict) -> nn.Module:
    return Crowd(config["vocab"])


def main() -> None:
    model, loss = honest.train()
    harness.save(model, {"vocab": harness.vocab_size()}, {"train_loss": loss})
