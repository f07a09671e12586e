"""Saves weights that are not numbers, so every prediction is NaN."""

import harness
from honest import build_model, train


def main() -> None:
    model, loss = train(2)
    model.table.weight.data.fill_(float("nan"))
    harness.save(model, {"vocab": harness.vocab_size()}, {"train_loss": loss})
