"""Makes a device node of its own, to open a device that the container was not given.

layer: our seccomp profile, and no capability to make one
stopped: errno EPERM
control: lift seccomp, capabilities
"""

import os

import probe

CHARACTERS = 0o020600
KERNEL_MEMORY = os.makedev(1, 1)


def attack():
    """Only made: it lies where device nodes do not work, and is not opened."""
    return probe.reached("mknodat", -100, b"/work/memory", CHARACTERS, KERNEL_MEMORY, answers=())


main = probe.attempting(attack)
