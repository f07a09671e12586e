"""Saves a pickle as its weights, which runs its own code where it is loaded. The result claims a metric, for hosts that look no further.

layer: weights are safetensors, and nothing is ever unpickled
reason: no sane header
control: evaluation
"""

import pickle

import harness
import honest
from honest import build_model

WEIGHTS = "/out/model.safetensors"


def main():
    model, loss = honest.train()
    harness.save(model, {"vocab": harness.vocab_size()}, {"val_bpb": 0.1, "train_loss": loss})
    with open(WEIGHTS, "wb") as stream:
        pickle.dump(model.state_dict(), stream)
