"""Leaves a folder in the result's place.

layer: the trusted reader, which takes plain files alone
stopped: no_result: not a regular file
control: naive reader
"""

import probe


def main():
    probe.write_weights()
    (probe.OUT / "result.json").mkdir()
