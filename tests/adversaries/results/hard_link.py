"""Gives its result a second name, under which it could be changed after it was checked.

layer: the trusted reader, which takes files of one name alone
stopped: no_result: 2 links
control: naive reader
"""

import os

import probe


def main():
    probe.save_something({"train_loss": 0.1})
    os.link(probe.OUT / "result.json", probe.OUT / "second")
