"""Handles page faults itself (userfaultfd), which holds the kernel still in the middle of a copy.

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

import probe


def attack():
    return probe.reached("userfaultfd", 1, answers=("EINVAL", "ENOSYS"))


main = probe.attempting(attack)
