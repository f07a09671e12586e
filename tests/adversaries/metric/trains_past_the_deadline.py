"""Trains on when its time is over, and saves when it is satisfied.

layer: the host's clock
reason: still running after 2 seconds
control: evaluation
deadline: training
"""

import time

import harness
import honest
from honest import build_model


def main():
    model, loss = honest.train(400)
    while time.monotonic() < harness.deadline() + 1.5:
        time.sleep(0.05)
    harness.save(model, {"vocab": harness.vocab_size()}, {"train_loss": loss})
