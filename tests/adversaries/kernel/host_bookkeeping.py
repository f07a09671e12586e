"""Touches what the machine keeps for all: swap, quotas and accounting.

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

from functools import partial

import probe

# The first has flags that the kernel refuses before it asks who calls.
ATTEMPTS = [
    partial(probe.reached, "swapon", b"/nowhere", 0x7FF00000, answers=("EINVAL", "ENOSYS")),
    partial(probe.reached, "quotactl", 0xFF, b"/nowhere", 0, 0, answers=("EINVAL", "ENOSYS")),
    partial(probe.reached, "swapoff", b"/nowhere", answers=("ENOENT",)),
    partial(probe.reached, "acct", b"/nowhere", answers=("ENOENT",)),
]


def attack():
    return probe.any_of(ATTEMPTS)


main = probe.attempting(attack)
