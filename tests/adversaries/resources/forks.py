"""Makes more processes than it may have.

layer: the limit on processes
stopped: errno EAGAIN
stopped runsc: crashed: too much memory
control: lift pids
"""

import os
import signal

import arena
import probe


def attack():
    for _ in range(arena.PIDS + 16):
        if os.fork() == 0:
            signal.pause()
    return f"{arena.PIDS + 16} processes at once"


main = probe.attempting(attack)
