"""Saves a result of 100 MB that takes no room, so that reading it fills the reader's memory.

layer: the trusted reader's limit on the result
stopped: no_result: more than 65536
control: naive reader
"""

import os

import probe


def main():
    probe.write_weights()
    probe.write_result({"train_loss": 0.1})
    os.truncate(probe.OUT / "result.json", 100_000_000)
