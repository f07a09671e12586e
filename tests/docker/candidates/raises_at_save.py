"""Gives save something that is no number."""

import harness
from honest import build_model, train


def main() -> None:
    model, _ = train(2)
    harness.save(model, {"vocab": 1}, {"train_loss": float("nan")})
