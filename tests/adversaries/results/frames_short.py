"""Says that its model is loaded and sends a few likelihoods of zero, then ends.

layer: a likelihood for every token, or none counts
stopped: unscored: predicting failed
control: naive reader
"""

import struct

import probe

WORD = b'{"loaded": true}'
FRAMES = struct.pack("<I", len(WORD)) + WORD + bytes(4 * 100)
main = probe.save_something
build_model = probe.forging(FRAMES)
