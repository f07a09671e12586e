"""Changes mounts by each of the newer calls.

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

from functools import partial

import probe

# The first has flags that the kernel refuses before it asks who calls.
ATTEMPTS = [
    partial(probe.reached, "open_tree", -100, b"/", 0x7FFF0000, answers=("EINVAL",)),
    partial(probe.reached, "open_tree", -100, b"/", 1, answers=()),
    partial(probe.reached, "fsopen", b"tmpfs", 0, answers=()),
    partial(probe.reached, "fsconfig", -1, 0, 0, 0, 0, answers=("EINVAL", "EBADF")),
    partial(probe.reached, "fsmount", -1, 0, 0, answers=("EBADF",)),
    partial(probe.reached, "fspick", -100, b"/", 0, answers=()),
    partial(probe.reached, "move_mount", -1, 0, -1, 0, 0, answers=("EBADF",)),
    partial(probe.reached, "mount_setattr", -1, b"/", 0, 0, 0, answers=("EINVAL",)),
]


def attack():
    return probe.any_of(ATTEMPTS)


main = probe.attempting(attack)
