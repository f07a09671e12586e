"""Shares out the memory that it may not have among eight processes.

layer: the limit on memory, which holds for all processes together
stopped: nothing
stopped runsc: crashed: too much memory
control: lift memory
"""

import os

import arena
import probe

PROCESSES = 8


def hold(more):
    """Take a share, and let a child take another while this one is held."""
    held = bytearray(b"x") * (arena.MEMORY_MIB * 5 // 4 // PROCESSES << 20)
    if more and (child := os.fork()):
        return os.waitpid(child, 0)[1] == 0 and len(held)
    if more:
        os._exit(not hold(more - 1))
    return len(held)


def attack():
    share = hold(PROCESSES - 1)
    return share and f"{share * PROCESSES >> 20} MiB in {PROCESSES} processes"


main = probe.attempting(attack)
