"""Leaves a file of nothing but holes beside its result: whoever reads a hole fills it, and the next one sees that.

layer: the trusted reader takes an output of two files alone
stopped: no_result: holds more than
control: naive reader
"""

import probe

TIB = 1 << 40


def main():
    probe.save_something(claims={"train_loss": 0.1})
    with (probe.OUT / "board").open("wb") as stream:
        stream.truncate(4 * TIB)
