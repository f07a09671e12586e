"""Watches what happens to files, its own and those of others (inotify, fanotify).

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

from functools import partial

import probe


def attack():
    watches = [partial(probe.reached, "inotify_init1", 0, answers=("EMFILE",))]
    watches += [partial(probe.reached, "fanotify_init", flags, 0, answers=()) for flags in (0, 0x200)]
    return probe.any_of(watches)


main = probe.attempting(attack)
