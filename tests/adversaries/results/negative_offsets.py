"""Gives a tensor offsets that begin before the file and a shape of less than nothing.

layer: the trusted reader compares offsets and shapes with the size
stopped: no_result: malformed header
control: naive reader
"""

import json

import probe


def main():
    probe.write_result()
    entry = {"dtype": "F32", "shape": [-1, -2], "data_offsets": [-8, 0]}
    probe.write_tensors(json.dumps({"weights": entry}).encode(), bytes(4))
