"""Prints 64 MiB of errors from the container that loads the model.

layer: the host keeps the two ends of a model's errors and no more
stopped: nothing
control: naive reader
"""

import os

import probe

FRAMES = (1 << 30).to_bytes(4, "little")
main = probe.save_something


def attack():
    for _ in range(64):
        os.write(2, b"error \xff\x00\x1b[2J" * 87_381)
    os.write(2, b"\n")


build_model = probe.attempting_when_loaded(attack)
