"""Moves pages between memories and processes (move_pages, migrate_pages, set_mempolicy).

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

from functools import partial

import probe


def attack():
    nobody = 0xFFFFFF
    names = {"move_pages": (nobody, 0, 0, 0, 0, 0), "migrate_pages": (nobody, 0, 0, 0), "set_mempolicy": (0xFF, 0, 0)}
    answers = ("ESRCH", "EINVAL", "ENOSYS")
    return probe.any_of(partial(probe.reached, name, *values, answers=answers) for name, values in names.items())


main = probe.attempting(attack)
