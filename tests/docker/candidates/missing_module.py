"""Imports a module that the image does not have."""

import flash_attn_of_the_future as flash
import harness
from honest import build_model, train


def main() -> None:
    flash.enable()
    model, loss = train()
    harness.save(model, {"vocab": harness.vocab_size()}, {"train_loss": loss})
