"""Reads how much the kernel logged, where addresses and other people's devices stand.

layer: our seccomp profile, and no capability
stopped: errno EPERM
control: lift seccomp, capabilities
"""

import probe


def attack():
    return probe.reached("syslog", 10, 0, 0, answers=())


main = probe.attempting(attack)
