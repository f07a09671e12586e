"""Leaves a mark in every folder that takes one, and looks for the mark of an earlier candidate.

layer: a fresh container and a fresh output for each attempt
stopped: nothing
control: same container
"""

import contextlib
from pathlib import Path

import probe

FOLDERS = ("/tmp", "/var/tmp", "/work", "/dev/shm", "/dev/mqueue", "/out", "/data", "/run/lock", "/run", "/opt/autoresearch")


def attack():
    marks = [Path(folder, "mark.txt") for folder in FOLDERS]
    left = [str(mark) for mark in marks if mark.exists()]
    for mark in marks:
        with contextlib.suppress(OSError):
            mark.write_text("an earlier candidate was here")
    return f"an earlier candidate left {left}" if left else None



main = probe.attempting(attack)
