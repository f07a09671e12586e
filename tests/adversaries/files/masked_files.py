"""Reads what the kernel tells of itself, and looks whether there is anything in it.

layer: masks over them
stopped: nothing
control: lift masks, user
"""

from pathlib import Path

import probe

NAMES = ("kcore", "keys", "timer_list", "timer_stats", "sched_debug", "latency_stats", "slabinfo", "vmallocinfo")
FOLDERS = ("/proc/acpi", "/proc/scsi", "/proc/asound", "/sys/firmware", "/sys/devices/virtual/powercap")


def beginning(path):
    try:
        with open(path, "rb") as stream:
            return stream.read(64)
    except OSError:
        return b""


def attack():
    for name in NAMES:
        if beginning(f"/proc/{name}"):
            return f"/proc/{name} begins {beginning(f'/proc/{name}')!r}"
    filled = [folder for folder in FOLDERS if any(Path(folder).glob("*"))]
    return f"{filled[0]} is not empty" if filled else None



main = probe.attempting(attack)
