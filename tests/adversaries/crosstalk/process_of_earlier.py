"""Leaves a process behind that has left its session, and looks for an earlier one.

layer: a process namespace that ends with its first process
stopped: nothing
control: same container
"""

import os
from pathlib import Path

import probe

NAME = "left-behind"


def attack():
    names = [(path / "comm").read_text().strip() for path in Path("/proc").glob("[0-9]*")]
    if NAME in names:
        return f"{names.count(NAME)} process of an earlier candidate"
    if os.fork() == 0:
        os.setsid()
        os.closerange(0, 3)
        Path("/proc/self/comm").write_text(NAME)
        probe.wait_for_ever()
    return None



main = probe.attempting(attack)
