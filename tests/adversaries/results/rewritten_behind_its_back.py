"""Saves a sound result, and leaves a process behind that writes a better one once the first was taken.

layer: the train container is gone before anything is read
stopped: measured above 7
control: naive reader
"""

import os
import time

import probe

build_model = probe.knows_nothing


def main():
    probe.save_something()
    if os.fork() == 0:
        os.setsid()
        for _ in range(100):
            probe.write_result({"val_bpb": 0.1})
            time.sleep(0.01)
        os._exit(0)
    time.sleep(0.005)
    while b"val_bpb" not in (probe.OUT / "result.json").read_bytes():
        time.sleep(0.001)
