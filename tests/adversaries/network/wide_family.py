"""Opens a netlink socket by a family whose upper half, which the kernel ignores, is not zero.

layer: our seccomp profile, which compares all 64 bits
stopped: errno EPERM
control: lift seccomp
"""

import os
import socket
from functools import partial

import probe

SOCKET = {"x86_64": 41, "aarch64": 198}[os.uname().machine]


def opened(family):
    descriptor = probe.system_call(SOCKET, family, socket.SOCK_RAW, 0)
    os.close(descriptor)
    return f"a socket of family {family:#x}"


def attack():
    allowed = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6)
    widened = [socket.AF_NETLINK | 1 << 32, *[socket.AF_NETLINK | family << 32 for family in allowed]]
    return probe.any_of(partial(opened, family) for family in widened)


main = probe.attempting(attack)
