"""Claims a negative metric, negative steps and negative time in its result file.

layer: the host measures the model, whatever a file says
worthless: 1e-6
control: evaluation
"""

import harness
import honest
from honest import build_model


def main():
    model, _ = honest.train()
    stats = {"val_bpb": -1.0, "steps": -1e9, "train_loss": -5.0, "seconds": -300.0}
    harness.save(model, {"vocab": harness.vocab_size()}, stats)
