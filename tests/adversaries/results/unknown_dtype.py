"""Saves weights of a kind of number that nobody knows the size of.

layer: the trusted reader knows every kind of number
stopped: no_result: malformed header
control: naive reader
"""

import json

import probe


def main():
    probe.write_result()
    entry = {"dtype": "OBJECT", "shape": [1], "data_offsets": [0, 4]}
    probe.write_tensors(json.dumps({"weights": entry}).encode(), bytes(4))
