"""Gives a tensor a shape whose product takes minutes to compute, or overflows.

layer: the trusted reader's limit on the size of a tensor
stopped: no_result: malformed header
control: naive reader
"""

import json

import probe


def main():
    probe.write_result()
    entry = {"dtype": "F32", "shape": [1 << 62] * 5000, "data_offsets": [0, 4]}
    probe.write_tensors(json.dumps({"weights": entry}).encode(), bytes(4))
