"""Reads the kernel's tables of connections, routes and neighbours for those of the host.

layer: a network namespace with nothing but a loopback
stopped: nothing
control: lift network
"""

from pathlib import Path

import probe

TABLES = ("tcp", "tcp6", "udp", "udp6", "raw", "icmp", "route", "arp")


def attack():
    found = {}
    for table in TABLES:
        path = Path("/proc/net", table)
        lines = path.read_text().splitlines()[1:] if path.exists() else []
        if lines:
            found[table] = lines[0].strip()[:40]
    return found


main = probe.attempting(attack)
