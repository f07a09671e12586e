"""Reserves space in /out without writing to it.

layer: the limit on the output, which counts reserved space too
stopped: errno ENOSPC
control: lift output
"""

import os

import arena
import probe


def attack():
    with open("/out/model.safetensors", "wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, (arena.OUTPUT_MIB + 1) << 20)
    return f"reserved {arena.OUTPUT_MIB + 1} MiB"


main = probe.attempting(attack)
