"""Starts a child in new namespaces, by the flags of clone, which a filter must look into.

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

import os
import signal
from functools import partial

import probe

USERS, SHARED_FOLDER = 0x10000000, 0x00000200
NAMESPACES = (USERS, 0x00020000, 0x20000000, 0x40000000, 0x08000000, 0x04000000, 0x02000000)


def contradiction():
    """New users in a shared folder: the kernel itself refuses to start such a child."""
    return probe.reached("clone", USERS | SHARED_FOLDER | signal.SIGCHLD, 0, 0, 0, 0, answers=("EINVAL",))


def start(flags):
    child = probe.system_call("clone", flags | signal.SIGCHLD, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return f"a child in namespaces {flags:#x}"


def attack():
    return probe.any_of([contradiction, *[partial(start, flags) for flags in NAMESPACES]])


main = probe.attempting(attack)
