"""Sets up an io_uring, whose work passes by every filter of system calls.

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

import probe


def attack():
    return probe.reached("io_uring_setup", 0, 0, answers=("EINVAL", "EFAULT"))


main = probe.attempting(attack)
