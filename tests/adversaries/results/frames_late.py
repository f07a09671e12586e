"""Says that its model is loaded, and then never answers.

layer: the host's deadline for each frame
stopped: unscored: predicting took too long
control: naive reader
"""

import os
import struct

import probe

WORD = b'{"loaded": true}'
FRAMES = struct.pack("<I", len(WORD)) + WORD + struct.pack("<f", 0.0)
main = probe.save_something


def build_model(config):
    os.write(probe.wire(), FRAMES)
    probe.wait_for_ever()
