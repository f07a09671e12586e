"""Patches the clocks of its process to run at a quarter, and trains until they say that time is over.

layer: the host's clock
reason: still running after 2 seconds
control: evaluation
deadline: training
"""

import time

import harness
import honest
from honest import build_model

REAL, BEGAN = time.monotonic, time.monotonic()


def slow():
    return BEGAN + (REAL() - BEGAN) / 4


def main():
    time.monotonic = time.time = time.perf_counter = slow
    model, loss = honest.train(200)
    while time.monotonic() < harness.deadline():
        time.sleep(0.05)
        model, loss = (model, loss) if time.monotonic() > BEGAN + 0.2 else honest.train(300)
    harness.save(model, {"vocab": harness.vocab_size()}, {"train_loss": loss})
