"""Becomes another user or group.

layer: our seccomp profile, and no capability
stopped: errno EPERM
control: lift seccomp
"""

from functools import partial

import probe

# The first is who it is already: a kernel lets that pass.
ATTEMPTS = [
    partial(probe.reached, "setuid", 65534, answers=()),
    partial(probe.reached, "setuid", 0, answers=()),
    partial(probe.reached, "setgid", 0, answers=()),
    partial(probe.reached, "setresuid", 0, 0, 0, answers=()),
    partial(probe.reached, "setgroups", 0, 0, answers=()),
]


def attack():
    return probe.any_of(ATTEMPTS)


main = probe.attempting(attack)
