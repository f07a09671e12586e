"""Switches off the randomness of addresses, for itself and its children.

layer: our seccomp profile, which allows the plain personality alone
stopped: errno EPERM
control: lift seccomp
"""

from functools import partial

import probe

NO_RANDOMNESS, READ_IMPLIES_EXECUTE, PAGE_AT_ZERO = 0x0040000, 0x0400000, 0x0100000


def attack():
    flags = (NO_RANDOMNESS, READ_IMPLIES_EXECUTE, PAGE_AT_ZERO, 1 << 32 | 0x0008)
    return probe.any_of(partial(probe.reached, "personality", value, answers=()) for value in flags)


main = probe.attempting(attack)
