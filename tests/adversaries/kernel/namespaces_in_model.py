"""Leaves its namespaces, traces the init and mounts, where the model is loaded.

layer: our seccomp profile, in the model container too
stopped: errno EPERM
control: lift seccomp
container: model
"""

from functools import partial

import probe

ATTEMPTS = [
    partial(probe.reached, "unshare", 1, answers=("EINVAL",)),
    partial(probe.reached, "unshare", 0x10000000, answers=()),
    partial(probe.reached, "setns", -1, 0, answers=("EBADF",)),
    partial(probe.reached, "ptrace", 0x4206, 1, 0, 0, answers=()),
    partial(probe.reached, "mount", b"none", b"/tmp", b"tmpfs", 0, 0, answers=()),
    partial(probe.reached, "clone", 0x10000200, 0, 0, 0, 0, answers=("EINVAL",)),
]


def attack():
    return probe.any_of(ATTEMPTS)


main = probe.save_something
build_model = probe.attempting_when_loaded(attack)
