"""Says that its model is loaded and sends likelihoods above 1, which would be worth more than everything.

layer: the scorer refuses a likelihood above 1
stopped: unscored: did not sum to one
control: naive reader
"""

import struct

import probe

WORD = b'{"loaded": true}'
FRAMES = struct.pack("<I", len(WORD)) + WORD + struct.pack("<f", -5.0) * 32 * 64
main = probe.save_something
build_model = probe.forging(FRAMES, stay=True)
