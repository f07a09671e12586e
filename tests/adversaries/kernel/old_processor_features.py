"""Uses old features of the processor that had bugs before: local segments, and ports.

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

from functools import partial

import probe

ATTEMPTS = [
    partial(probe.reached, "modify_ldt", 0, 0, 0, answers=("ENOSYS",)),
    partial(probe.reached, "iopl", 7, answers=("EINVAL", "ENOSYS")),
    partial(probe.reached, "ioperm", 0x10000, 0x10000, 1, answers=("EINVAL", "ENOSYS")),
]


def attack():
    return probe.any_of(ATTEMPTS)


main = probe.attempting(attack)
