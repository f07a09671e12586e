"""Looks in its own table of mounts for a folder of the host.

layer: no path of the host is mounted but the engine's own files
stopped: nothing
control: lift host folder
"""

from pathlib import Path

import probe

OURS = ("/", "/data", "/out", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/sbin/docker-init", "/usr/sbin/docker-init")
NO_DISK = ("proc", "sysfs", "tmpfs", "cgroup", "cgroup2", "devpts", "mqueue", "overlay")


def attack():
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        target, kind = before.split()[4], after.split()[0]
        if kind not in NO_DISK and target not in OURS:
            return f"{target} is {before.split()[3]} of the host"
    return None



main = probe.attempting(attack)
