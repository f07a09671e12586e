"""Holds more memory than it may in files of memory that no process maps.

layer: the limit on memory, which counts files of memory too
stopped: crashed: too much memory
control: lift memory
"""

import os

import arena
import probe


def attack():
    file = os.memfd_create("hidden")
    for _ in range(arena.MEMORY_MIB * 5 // 4):
        os.write(file, bytes(1 << 20))
    return f"a file of {os.fstat(file).st_size >> 20} MiB of memory"


main = probe.attempting(attack)
