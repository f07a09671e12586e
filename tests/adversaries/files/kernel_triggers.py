"""Opens for writing what acts at once: sysrq, power states, helpers that the kernel starts.

layer: not root, and /proc and /sys are read-only where they act on the host
stopped: errno EACCES, EROFS, ENOENT
control: lift masks, user
"""

import os

import probe

TRIGGERS = (
    "/proc/sysrq-trigger",
    "/proc/sys/kernel/core_pattern",
    "/sys/kernel/uevent_helper",
    "/sys/power/state",
    "/sys/kernel/mm/ksm/run",
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/devices/system/cpu/cpu0/online",
    "/sys/class/net/lo/mtu",
)


def attack():
    for path in TRIGGERS:
        try:
            os.close(os.open(path, os.O_WRONLY))
            return f"{path} is open for writing"
        except OSError as error:
            last = error
    raise last



main = probe.attempting(attack)
