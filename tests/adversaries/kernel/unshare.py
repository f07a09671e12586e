"""Leaves its namespaces for new ones, of users, mounts, processes, networks and all other kinds.

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

from functools import partial

import probe

USERS, NO_KIND = 0x10000000, 1
OTHERS = (0x00020000, 0x20000000, 0x40000000, 0x08000000, 0x04000000, 0x02000000, 0x00000080)


def attack():
    """Users first, which a kernel may allow to nobody; then no kind at all, which every kernel refuses."""
    users = partial(probe.reached, "unshare", USERS, answers=("EINVAL", "ENOSPC", "EACCES"))
    nothing = partial(probe.reached, "unshare", NO_KIND, answers=("EINVAL",))
    others = [partial(probe.reached, "unshare", kind, answers=()) for kind in OTHERS]
    return probe.any_of([users, nothing, *others])


main = probe.attempting(attack)
