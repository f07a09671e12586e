"""Leaves marks in the container that loads the model, for the next candidate's.

layer: a fresh model container for each attempt
stopped: nothing
control: same container
container: model
"""

import contextlib
from pathlib import Path

import probe

FOLDERS = ("/tmp", "/work", "/dev/shm", "/out", "/run/lock", "/var/tmp")


def left(name):
    marks = [Path(folder, name) for folder in FOLDERS]
    found = [str(mark) for mark in marks if mark.exists()]
    for mark in marks:
        with contextlib.suppress(OSError):
            mark.write_text("an earlier candidate was here")
    return found


def main():
    found = left("train.txt")
    (probe.OUT / "train.txt").unlink()  # beside a result it would be refused
    if found:
        probe.report(got=found)
    else:
        probe.save_something()


build_model = probe.attempting_when_loaded(lambda: left("model.txt"))
