"""Lists and calls sockets that have no file, such as a neighbour's.

layer: a network namespace of its own; sockets without a file belong to it
stopped: errno ECONNREFUSED
control: lift network
"""

import socket
from pathlib import Path

import arena
import probe


def attack():
    names = [line.split()[-1] for line in Path("/proc/net/unix").read_text().splitlines() if "@" in line]
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"\0{arena.HOST_ABSTRACT_SOCKET}")
        return f"{client.recv(64)!r} among {len(names)} names"



main = probe.attempting(attack)
