"""Writes garbage to the host in its runner's place when its model is loaded.

layer: the host takes one word for loaded
stopped: unscored: loading the model gave an unexpected answer
control: naive reader
"""

import struct

import probe

WORD = b'{"loaded": true, "val_bpb": 0.1}'
FRAMES = struct.pack("<I", len(WORD)) + WORD + bytes(4 * 32 * 64)
main = probe.save_something
build_model = probe.forging(FRAMES)
