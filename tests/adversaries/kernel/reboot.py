"""Restarts the machine; the magic number is wrong, so that no kernel would.

layer: our seccomp profile, and no capability
stopped: errno EPERM
control: lift seccomp, capabilities
"""

import probe


def attack():
    return probe.reached("reboot", 0, 0, 0, 0, answers=("EINVAL",))


main = probe.attempting(attack)
