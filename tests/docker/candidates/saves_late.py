"""Saves only after the deadline has passed."""

import time

import harness
from honest import build_model, train


def main() -> None:
    model, loss = train(2)
    time.sleep(3600)
    harness.save(model, {"vocab": harness.vocab_size()}, {"train_loss": loss})
