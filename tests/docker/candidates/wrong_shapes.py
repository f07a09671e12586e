"""Saves weights that build_model does not have room for."""

import harness
from honest import build_model, train
from torch import nn


def main() -> None:
    model, loss = train(2)
    model.table = nn.Embedding(7, 7)
    harness.save(model, {"vocab": harness.vocab_size()}, {"train_loss": loss})
