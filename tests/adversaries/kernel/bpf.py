"""Loads programs into the kernel (bpf).

layer: our seccomp profile, and no capability
stopped: errno EPERM
control: lift seccomp, capabilities
"""

import probe


def attack():
    return probe.reached("bpf", 0xFFFF, 0, 0, answers=("EINVAL", "E2BIG", "EFAULT", "ENOSYS"))


main = probe.attempting(attack)
