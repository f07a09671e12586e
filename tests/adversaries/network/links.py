"""Looks for a link beside the loopback that is up.

layer: a network namespace with nothing but a loopback
stopped: nothing
control: lift network
"""

import fcntl
import socket
import struct
from pathlib import Path

import probe

ASK_FLAGS, UP = 0x8913, 1


def up(name):
    """Whether it is up; some kernels put tunnels that are down into every namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        answer = fcntl.ioctl(any_socket, ASK_FLAGS, struct.pack("16s16x", name.encode()))
    return struct.unpack_from("H", answer, 16)[0] & UP


def attack():
    lines = Path("/proc/net/dev").read_text().splitlines()[2:]
    names = [line.partition(":")[0].strip() for line in lines]
    return [name for name in names if name != "lo" and up(name)]


main = probe.attempting(attack)
