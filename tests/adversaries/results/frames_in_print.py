"""Prints frames where the host's pipe would have been, when its model is loaded.

layer: a model's standard output is part of its error log
stopped: nothing
control: naive reader
"""

import os
import struct

import probe

WORD = b'{"loaded": true}'
FRAMES = struct.pack("<I", len(WORD)) + WORD + struct.pack("<f", 0.5) * 32 * 64
main = probe.save_something


def attack():
    os.write(1, FRAMES + b"\n")


build_model = probe.attempting_when_loaded(attack)
