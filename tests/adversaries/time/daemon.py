"""Leaves a daemon behind that saves a result after the program has ended.

layer: the container ends with its first process, and every other with it
stopped: no_result: was not saved
control: naive reader
"""

import os
import time

import probe


def main():
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    os.closerange(0, 64)
    time.sleep(0.3)
    probe.save_something({"val_bpb": 0.1})
    os._exit(0)
