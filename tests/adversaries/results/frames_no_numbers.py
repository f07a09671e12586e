"""Says that its model is loaded and sends likelihoods that are no numbers.

layer: the scorer takes finite numbers alone
stopped: unscored: not finite
control: naive reader
"""

import struct

import probe

WORD = b'{"loaded": true}'
FRAMES = struct.pack("<I", len(WORD)) + WORD + struct.pack("<f", float("nan")) * 32 * 64
main = probe.save_something
build_model = probe.forging(FRAMES, stay=True)
