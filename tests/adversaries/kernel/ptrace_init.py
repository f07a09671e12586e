"""Takes control of process 1, the init that forwards signals and reaps.

layer: our seccomp profile, and no capability where the kernel asks for one
stopped: errno EPERM
control: lift seccomp, capabilities
"""

import probe

SEIZE = 0x4206


def attack():
    return probe.reached("ptrace", SEIZE, 1, 0, 0, answers=())


main = probe.attempting(attack)
