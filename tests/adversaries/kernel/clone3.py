"""Starts a child by the call whose flags no filter can see.

layer: our seccomp profile, which says that there is no such call, so that libraries use the older one
stopped: errno ENOSYS
control: lift seccomp
"""

import probe


def attack():
    return probe.reached("clone3", 0, 0, answers=("EINVAL", "EFAULT"))


main = probe.attempting(attack)
