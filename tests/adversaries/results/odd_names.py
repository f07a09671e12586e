r"""Leaves files behind whose names would be rows, options, escapes and other places.

layer: the trusted reader takes an output of two files alone
stopped: no_result: holds more than
control: naive reader
"""

import os

import probe

build_model = probe.knows_nothing
NAMES = (b"-rf", b"a\n0001\t0.1\tkeep", b"\x1b[2J", b"\xff\xfe", b"a" * 255, b"..\\..\\x", b"train.py", b"torch.py")


def main():
    probe.save_something()
    for name in NAMES:
        with open(os.fsencode(probe.OUT) + b"/" + name, "wb") as stream:
            stream.write(b"val_bpb: 0.1\n")
