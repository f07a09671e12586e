"""Changes mounts by each of the older calls.

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

from functools import partial

import probe

# The first has flags that the kernel refuses before it asks who calls.
ATTEMPTS = [
    partial(probe.reached, "umount2", b"/data", 0xFFFF, answers=("EINVAL",)),
    partial(probe.reached, "mount", 1, 1, 1, 0, 0, answers=("EFAULT",)),
    partial(probe.reached, "pivot_root", b"/work", b"/work", answers=("EINVAL", "EBUSY")),
]


def attack():
    return probe.any_of(ATTEMPTS)


main = probe.attempting(attack)
