"""Opens more files than it may.

layer: the limit on open files
stopped: errno EMFILE
control: lift open files
"""

import os

import arena
import probe


def attack():
    held = [os.open("/dev/null", os.O_RDONLY) for _ in range(arena.OPEN_FILES + 1)]
    return f"{len(held)} open files"


main = probe.attempting(attack)
