"""Puts another kernel into the place of this one (kexec).

layer: our seccomp profile, and no capability
stopped: errno EPERM
control: lift seccomp, capabilities
"""

from functools import partial

import probe

# Of flags and of a length that the kernel refuses before it looks at anything.
ATTEMPTS = [
    partial(probe.reached, "kexec_file_load", -1, -1, 0, 0, 0xFFFF, answers=("EINVAL", "ENOSYS")),
    partial(probe.reached, "kexec_load", 0, 0xFFFF, 0, 0xFFFF, answers=("EINVAL", "ENOSYS")),
]


def attack():
    return probe.any_of(ATTEMPTS)


main = probe.attempting(attack)
