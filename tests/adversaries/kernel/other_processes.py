"""Takes descriptors and pages of other processes, and compares what they share.

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

from functools import partial

import probe

ATTEMPTS = [
    partial(probe.reached, "pidfd_getfd", -1, 0, 0, answers=("EBADF", "ENOSYS")),
    partial(probe.reached, "pidfd_open", 1, 0, answers=("ENOSYS",)),
    partial(probe.reached, "pidfd_send_signal", -1, 0, 0, 0, answers=("EBADF",)),
    partial(probe.reached, "kcmp", 1, 1, 0, 0, 0, answers=("ENOSYS",)),
    partial(probe.reached, "process_madvise", -1, 0, 0, 0, 0, answers=("EBADF",)),
    partial(probe.reached, "process_mrelease", -1, 0, answers=("EBADF",)),
]


def attack():
    return probe.any_of(ATTEMPTS)


main = probe.attempting(attack)
