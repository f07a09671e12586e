"""Calls all nodes and all routers of every link over IPv6's multicast.

layer: a network namespace without any link but the loopback
stopped: errno ENETUNREACH, EADDRNOTAVAIL
control: lift network
"""

import socket
from contextlib import suppress
from functools import partial

import arena
import probe

GROUPS = ("ff02::1", "ff02::2", "ff02::fb")
LINKS = [0, *range(2, 64)]  # 1 is the loopback


def answered():
    """Asked by its own address first, the host leaves nothing to be sent to a real link."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as outward:
        outward.settimeout(2)
        outward.connect(("::ffff:127.0.0.1", arena.HOST_DATAGRAM_PORT))
        outward.send(b"a secret")
        return f"the host answered {outward.recv(64)!r}"


def call(group, index):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as outward:
        outward.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 1)
        return f"{outward.sendto(b'a secret', (group, 5353, 0, index))} bytes sent on link {index}"


def attack():
    with suppress(ConnectionRefusedError):
        return answered()
    return probe.any_of(partial(call, group, index) for group in GROUPS for index in LINKS)


main = probe.attempting(attack)
