"""Locks all its memory against being taken back (mlockall).

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

import probe


def attack():
    return probe.reached("mlockall", 0, answers=("EINVAL",))


main = probe.attempting(attack)
