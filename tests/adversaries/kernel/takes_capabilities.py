"""Takes capabilities (capset).

layer: our seccomp profile, and none to take
stopped: errno EPERM
control: lift seccomp
"""

import probe


def attack():
    return probe.reached("capset", 0, 0, answers=("EINVAL", "EFAULT"))


main = probe.attempting(attack)
