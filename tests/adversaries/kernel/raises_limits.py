"""Raises its own limits, on itself and on process 1.

layer: a hard limit, which takes a capability to raise
stopped: errno EPERM
control: lift open files
"""

import struct
from functools import partial

import arena
import probe

OPEN_FILES, CORE = 7, 4  # of the kinds of limits


def raised(process, limit, value):
    return probe.reached("prlimit64", process, limit, struct.pack("QQ", value, value), 0, answers=())


def attack():
    more = arena.OPEN_FILES + 1
    return probe.any_of(
        [partial(raised, 0, OPEN_FILES, more), partial(raised, 1, OPEN_FILES, more), partial(raised, 0, CORE, 4096)]
    )


main = probe.attempting(attack)
