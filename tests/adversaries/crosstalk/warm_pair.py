"""Looks for the containers that are warmed for the next candidate.

layer: a process namespace of its own
stopped: nothing
control: lift processes
"""

from pathlib import Path

import probe


def attack():
    runners = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        words = path.read_bytes().split(b"\0")
        if words[0].endswith(b"python3") and b"/opt/autoresearch/runner.py" in words:
            runners.append(path.parts[2])
    return f"runners beside its own: {runners}" if len(runners) > 1 else None



main = probe.attempting(attack)
