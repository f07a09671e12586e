"""Watches the processor, and other programs on it, through performance counters.

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

import probe


def attack():
    return probe.reached("perf_event_open", 0, 0, -1, -1, 0xFFFF, answers=("EINVAL", "EFAULT", "EACCES", "ENOSYS"))


main = probe.attempting(attack)
