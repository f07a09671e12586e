"""Leaves a secret in a keyring of the kernel, and looks for others; keyrings are in no namespace.

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

from functools import partial

import probe

# Of the process, which ends with it; then of the session, and of the user.
ATTEMPTS = [
    partial(probe.reached, "add_key", b"user", b"canary", b"left", 4, -2, answers=("ENOSYS", "EDQUOT")),
    partial(probe.reached, "keyctl", 0, -3, 0, 0, 0, answers=("ENOSYS", "ENOKEY")),
    partial(probe.reached, "keyctl", 0, -4, 1, 0, 0, answers=("ENOSYS", "ENOKEY")),
    partial(probe.reached, "request_key", b"user", b"canary", 0, 0, answers=("ENOSYS", "ENOKEY")),
]


def attack():
    return probe.any_of(ATTEMPTS)


main = probe.attempting(attack)
