"""Holds a lease on its result, on which a reader's open waits.

layer: its last process is gone before anybody reads
stopped: no_result: model.safetensors was not saved
control: naive reader
"""

import fcntl
import os
import signal

import probe


def main():
    probe.write_result()
    taken, tell = os.pipe()
    if os.fork():
        os.close(tell)
        os.read(taken, 1)
        return
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    result = os.open(probe.OUT / "result.json", os.O_RDWR)
    fcntl.fcntl(result, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    os.write(tell, b".")
    os.closerange(1, 3)
    probe.wait_for_ever()
