"""Saves weights of 1 TiB that take no room.

layer: the trusted reader's limit on the weights
stopped: no_result: model.safetensors has 1099511627776 bytes
control: naive reader
"""

import os

import probe


def main():
    probe.save_something()
    os.truncate(probe.OUT / "model.safetensors", 1 << 40)
