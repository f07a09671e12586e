"""Looks for a program that runs with the rights of its owner.

layer: an image without such programs
stopped: nothing
control: lift host folder
"""

import os
import stat

import probe


def attack():
    for path in probe.paths():
        mode = os.lstat(path).st_mode
        if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
            return f"{path} has mode {mode & 0o7777:o}"
    return None



main = probe.attempting(attack)
