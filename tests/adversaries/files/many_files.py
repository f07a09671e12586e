"""Fills its output with empty files, for whoever lists or removes them.

layer: a number of files that the output may hold
stopped: errno ENOSPC
control: lift output
"""

import arena
import probe


def attack():
    for index in range(arena.OUTPUT_FILES * 2):
        (probe.OUT / f"{index:06}").touch()
    return f"{arena.OUTPUT_FILES * 2} files"



main = probe.attempting(attack)
