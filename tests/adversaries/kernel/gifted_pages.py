"""Hands pages to pipes without a copy (vmsplice, splice, tee), as the pipe bugs of the past needed.

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

from functools import partial

import probe

ATTEMPTS = [
    partial(probe.reached, "vmsplice", -1, 0, 0, 0, answers=("EBADF",)),
    partial(probe.reached, "splice", -1, 0, -1, 0, 1, 0, answers=("EBADF",)),
    partial(probe.reached, "tee", -1, -1, 1, 0, answers=("EBADF",)),
]


def attack():
    return probe.any_of(ATTEMPTS)


main = probe.attempting(attack)
