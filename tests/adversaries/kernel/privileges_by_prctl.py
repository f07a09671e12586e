"""Loosens how root and capabilities work for it, by calls of prctl, which no filter names.

layer: no capability to change that
stopped: errno EPERM
control: lift capabilities
"""

from functools import partial

import probe

SECURE_BITS, AMBIENT, RAISE, DROP, ADMINISTER = 28, 47, 2, 24, 21


def attack():
    """Under no bits at all nothing changes for root, and a bound that is dropped is of its own process."""
    calls = [(SECURE_BITS, 0, 0, 0, 0), (DROP, ADMINISTER, 0, 0, 0), (AMBIENT, RAISE, ADMINISTER, 0, 0)]
    return probe.any_of(partial(probe.reached, "prctl", *call, answers=()) for call in calls)


main = probe.attempting(attack)
