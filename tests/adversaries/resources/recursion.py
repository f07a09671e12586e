"""Calls itself without end, so that its stack becomes more than it may have.

layer: the limit on memory
stopped: crashed: too much memory
control: lift memory
"""

import sys

import arena
import probe

FRAME = 16 << 10
DEPTH = (arena.MEMORY_MIB * 5 // 4 << 20) // FRAME


def deeper(depth):
    held = b"x" * (FRAME - depth % 2)
    return deeper(depth - 1) if depth else len(held)


def attack():
    sys.setrecursionlimit(DEPTH + 1000)
    return deeper(DEPTH) and f"{DEPTH} calls deep"


main = probe.attempting(attack)
