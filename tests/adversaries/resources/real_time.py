"""Asks for a real-time priority, before which every process of the host waits.

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

import probe

FIFO, NOBODY = 1, 0x7FFFFFF0


def attack():
    return probe.reached("sched_setscheduler", NOBODY, FIFO, 0, answers=("EINVAL", "ESRCH"))


main = probe.attempting(attack)
