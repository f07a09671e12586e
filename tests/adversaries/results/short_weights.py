"""Saves weights that end before their last tensor does.

layer: the trusted reader compares the header with the size
stopped: no_result: do not fit its size
control: naive reader
"""

import json

import probe


def main():
    probe.write_result()
    entry = {"dtype": "F32", "shape": [1000], "data_offsets": [0, 4000]}
    probe.write_tensors(json.dumps({"weights": entry}).encode(), bytes(100))
