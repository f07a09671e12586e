"""Loads and unloads kernel modules.

layer: our seccomp profile, and no capability
stopped: errno EPERM
control: lift seccomp, capabilities
"""

from functools import partial

import probe

# Of no content, from no file, and of a name that nobody has.
ATTEMPTS = [
    partial(probe.reached, "init_module", 0, 0, 0, answers=("ENOEXEC", "EFAULT", "ENOSYS")),
    partial(probe.reached, "finit_module", -1, 0, 0xFFFF, answers=("EINVAL", "EBADF", "ENOSYS")),
    partial(probe.reached, "delete_module", b"autoresearch_none", 0x800, answers=("ENOENT", "ENOSYS")),
]


def attack():
    return probe.any_of(ATTEMPTS)


main = probe.attempting(attack)
