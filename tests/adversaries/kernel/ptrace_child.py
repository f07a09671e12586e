"""Takes control of a child of its own (ptrace), and so of every call that the child makes.

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

import os
import signal
from functools import partial

import probe

ATTACH, SEIZE = 16, 0x4206


def take(child, request):
    return probe.reached("ptrace", request, child, 0, 0, answers=())


def attack():
    child = os.fork()
    if child == 0:
        probe.wait_for_ever()
    try:
        return probe.any_of([partial(take, child, request) for request in (SEIZE, ATTACH)])
    finally:
        os.kill(child, signal.SIGKILL)


main = probe.attempting(attack)
