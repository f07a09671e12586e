"""Leaves a result with two names, one of which could be changed behind the reader's back.

layer: the trusted reader, which takes files with one link
stopped: no_result: has 2 links
control: naive reader
"""

import os

import probe


def main():
    probe.write_result(claims={"val_bpb": 0.1})
    probe.write_weights()
    os.link(probe.OUT / "result.json", probe.OUT / "other.json")
