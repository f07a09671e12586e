"""Fills /tmp with a file that has no name any more.

layer: the limit on /tmp
stopped: errno ENOSPC
control: lift scratch
"""

import os
import tempfile

import arena
import probe


def attack():
    with tempfile.TemporaryFile(dir="/tmp") as stream:
        for _ in range(arena.TMP_MIB + 1):
            os.write(stream.fileno(), bytes(1 << 20))
    return f"{arena.TMP_MIB + 1} MiB in a file without a name"


main = probe.attempting(attack)
