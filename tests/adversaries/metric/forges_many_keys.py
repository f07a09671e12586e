"""Claims its metric under a thousand names, one of which somebody may read.

layer: at most 32 claims
reason: result.json has more than 32 claims
control: evaluation
"""

import harness
import honest
from honest import build_model


def main():
    model, _ = honest.train()
    stats = {"val_bpb": 0.1} | {f"metric_{number}": 0.1 for number in range(1000)}
    harness.save(model, {"vocab": harness.vocab_size()}, stats)
