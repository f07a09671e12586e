"""Leaves weights with holes, in which one reader could leave marks for the next by reading alone.

layer: the trusted reader takes files without holes alone, and fills what it cannot see, as at gVisor
stopped: no_result: has holes
stopped runsc: unscored: loading the model failed
control: naive reader
"""

import json
import struct

import probe

NUMBERS = 1 << 20


def main():
    probe.write_result(claims={"train_loss": 0.1})
    entry = {"dtype": "F32", "shape": [NUMBERS], "data_offsets": [0, 4 * NUMBERS]}
    header = json.dumps({"weights": entry}).encode()
    with (probe.OUT / "model.safetensors").open("wb") as stream:
        stream.write(struct.pack("<Q", len(header)) + header)
        stream.truncate(8 + len(header) + 4 * NUMBERS)
