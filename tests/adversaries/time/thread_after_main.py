"""Starts a thread that saves a result after its main is through, which an interpreter would wait for.

layer: the run ends when main is through
stopped: no_result: was not saved
control: naive reader
"""

import threading
import time

import probe


def late():
    time.sleep(0.3)
    probe.save_something({"val_bpb": 0.1})


def main():
    threading.Thread(target=late).start()
