"""Leaves its dead children unburied, so that they fill the table of processes.

layer: the limit on processes, which counts the dead too
stopped: errno EAGAIN
stopped runsc: emulated
control: lift pids
"""

import os

import arena
import probe


def attack():
    for _ in range(arena.PIDS + 16):
        if os.fork() == 0:
            os._exit(0)
    return f"{arena.PIDS + 16} zombies"


main = probe.attempting(attack)
