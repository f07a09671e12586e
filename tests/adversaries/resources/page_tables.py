"""Touches one byte of every 2 MiB of a huge sparse region: pages and their tables are more than it may have.

layer: the limit on memory, which counts the kernel's tables too: the pages alone would fit
stopped: crashed: too much memory
stopped runsc: emulated
control: lift memory
"""

import mmap

import arena
import probe

STEP, PAGE_AND_TABLE = 2 << 20, 2 * 4096
MAP_NORESERVE = 0x4000


def attack():
    count = (arena.MEMORY_MIB * 9 // 8 << 20) // PAGE_AND_TABLE
    region = mmap.mmap(-1, count * STEP, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE)
    region.madvise(mmap.MADV_NOHUGEPAGE)
    for at in range(0, count * STEP, STEP):
        region[at] = 1
    return f"{count} pages of 4 KiB and as many tables"


main = probe.attempting(attack)
