"""An honest bigram model: trains for a moment and saves. It must score well below chance."""

import harness
import torch
from torch import nn


class Bigram(nn.Module):
    def __init__(self, vocab: int) -> None:
        super().__init__()
        self.table = nn.Embedding(vocab, vocab)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.table(tokens)


def build_model(config: dict) -> nn.Module:
    return Bigram(config["vocab"])


def train(steps: int = 40) -> tuple[nn.Module, float]:
    torch.manual_seed(harness.seed())
    model = Bigram(harness.vocab_size())
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    loss = torch.zeros(())
    for _, (inputs, targets) in zip(range(steps), harness.batches(8)):
        loss = nn.functional.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model, loss.item()


def main() -> None:
    model, loss = train()
    harness.save(model, {"vocab": harness.vocab_size()}, {"train_loss": loss})
