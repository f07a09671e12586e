"""Sets the machine's clocks; they or their values are such as no kernel takes.

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

from functools import partial

import probe

ATTEMPTS = [
    partial(probe.reached, "clock_settime", 99, 0, answers=("EINVAL", "EFAULT")),
    partial(probe.reached, "settimeofday", 1, 0, answers=("EFAULT",)),
    partial(probe.reached, "adjtimex", 1, answers=("EFAULT",)),
    partial(probe.reached, "clock_adjtime", 99, 1, answers=("EINVAL", "EFAULT")),
]


def attack():
    return probe.any_of(ATTEMPTS)


main = probe.attempting(attack)
