"""Takes more memory than it may have, and uses it.

layer: the limit on memory, without swap behind it
stopped: crashed: too much memory
control: lift memory
"""

import arena
import probe


def attack():
    held = bytearray(b"x") * (arena.MEMORY_MIB * 5 // 4 << 20)
    return f"{len(held) >> 20} MiB"


main = probe.attempting(attack)
