"""Enters the file system of candidates beside it through their processes.

layer: a process namespace of its own
stopped: nothing
control: lift processes
"""

from pathlib import Path

import probe


def attack():
    for root in Path("/proc").glob("[0-9]*/root"):
        try:
            return f"{root}: {(root / 'out/neighbour.txt').read_text()}"
        except OSError:
            continue
    return None



main = probe.attempting(attack)
