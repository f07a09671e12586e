"""Reads the environment of candidates beside it, which have its own user.

layer: a process namespace of its own
stopped: nothing
control: lift processes
"""

from pathlib import Path

import probe


def attack():
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            text = path.read_bytes()
        except OSError:
            continue
        if b"NEIGHBOUR_SECRET=" in text:
            return probe.secret_in(text)
    return None



main = probe.attempting(attack)
