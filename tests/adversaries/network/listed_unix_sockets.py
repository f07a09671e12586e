"""Reads the kernel's list of unix sockets for those of other programs.

layer: a network namespace of its own
stopped: nothing
control: lift network
"""

from pathlib import Path

import probe


def attack():
    lines = Path("/proc/net/unix").read_text().splitlines()[1:]
    return f"{len(lines)} sockets, such as {lines[0].split()[-1]}" if lines else None


main = probe.attempting(attack)
