"""Leaves files with names that a shell, a terminal or a list of lines would trip over.

layer: the host opens two fixed names and never lists
stopped: no_result: model.safetensors was not saved
control: naive reader
"""

import os

import probe

NAMES = (b"-rf", b"--", b" ", b"a\nresult.json", b"\x1b]0;root\x07", b"\xff\xfe", b"$(id)", b"*", b"x" * 255)


def main():
    probe.write_result()
    for name in NAMES:
        os.close(os.open(os.path.join(b"/out", name), os.O_CREAT | os.O_WRONLY))
