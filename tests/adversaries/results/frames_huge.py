"""Announces a reply of 4 GiB to the host when its model is loaded.

layer: the host's limit on a reply
stopped: unscored: loading the model failed
control: naive reader
"""

import struct

import probe

FRAMES = struct.pack("<I", (1 << 32) - 1) + b"{" * 4096
main = probe.save_something
build_model = probe.forging(FRAMES)
