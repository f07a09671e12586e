"""Leaves a pipe in the weights' place, whose reader waits for ever. The result claims a metric, for hosts that look no further.

layer: our seccomp profile, which makes no pipes with names
reason: Operation not permitted
control: evaluation
"""

import os

import harness
import honest
from honest import build_model

WEIGHTS = "/out/model.safetensors"


def main():
    model, loss = honest.train()
    harness.save(model, {"vocab": harness.vocab_size()}, {"val_bpb": 0.1, "train_loss": loss})
    os.remove(WEIGHTS)
    os.mkfifo(WEIGHTS)
