"""Takes the processor for itself: real-time and deadline classes, and higher priorities.

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

from functools import partial

import probe

# The first is of no process, which a kernel refuses before it asks who calls.
ATTEMPTS = [
    partial(probe.reached, "sched_setscheduler", -1, 1, bytes(8), answers=("EINVAL",)),
    partial(probe.reached, "sched_setscheduler", 0, 1, b"\x01\0\0\0", answers=()),
    partial(probe.reached, "sched_setattr", 0, 0, 0, answers=("EINVAL",)),
    partial(probe.reached, "setpriority", 0, 0, -20, answers=()),
    partial(probe.reached, "ioprio_set", 1, 0, 1 << 13, answers=()),
]


def attack():
    return probe.any_of(ATTEMPTS)


main = probe.attempting(attack)
