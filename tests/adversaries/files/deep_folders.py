"""Nests a thousand folders in its output, for whoever walks or removes them.

layer: a number of files that the output may hold
stopped: errno ENOSPC
control: lift output
"""

import os

import probe

DEPTH = 1000


def attack():
    os.chdir(probe.OUT)
    for _ in range(DEPTH):
        os.mkdir("d")
        os.chdir("d")
    return f"{DEPTH} folders, one in the other"



main = probe.attempting(attack)
