"""Writes a wonderful number into the result file by hand; the weights are random."""

import json
import os

import harness
from honest import Bigram, build_model


def main() -> None:
    vocab = harness.vocab_size()
    harness.save(Bigram(vocab), {"vocab": vocab}, {"train_loss": 1.0})
    result = {"version": 1, "config": {"vocab": vocab}, "claims": {"val_bpb": 0.1, "train_loss": 0.0}}
    with open("/out/result.json", "w") as stream:
        json.dump(result, stream)
    print("---\nval_bpb: 0.100000", flush=True)
    os._exit(0)
