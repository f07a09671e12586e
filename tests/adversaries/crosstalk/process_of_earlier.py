"""Leaves a process behind that has left its session, and looks for an earlier one.

layer: a process namespace that ends with its first process
stopped: nothing
control: same container
"""

import ctypes
import os
import time
from pathlib import Path

import probe

NAME = "left-behind"
PR_SET_NAME = 15


def attack():
    names = [(path / "comm").read_text().strip() for path in Path("/proc").glob("[0-9]*")]
    if NAME in names:
        return f"{names.count(NAME)} process of an earlier candidate"
    child = os.fork()
    if child == 0:
        os.setsid()
        os.closerange(0, 3)
        ctypes.CDLL(None).prctl(PR_SET_NAME, NAME.encode())
        probe.wait_for_ever()
    until = time.monotonic() + 1
    while Path(f"/proc/{child}/comm").read_text().strip() != NAME and time.monotonic() < until:
        time.sleep(0.01)
    return None


main = probe.attempting(attack)
