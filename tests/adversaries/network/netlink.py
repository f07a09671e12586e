"""Speaks to parts of the kernel over netlink: routes, firewall, audit, events and whatever else listens.

layer: our seccomp profile, which names the three families that are allowed
stopped: errno EPERM
control: lift seccomp
"""

import socket
from functools import partial

import probe

ROUTE, SOCK_DIAG, XFRM, AUDIT, NETFILTER, EVENTS, GENERIC, RDMA, CRYPTO = 0, 4, 6, 9, 12, 15, 16, 20, 21
PARTS = (ROUTE, SOCK_DIAG, XFRM, AUDIT, NETFILTER, EVENTS, GENERIC, RDMA, CRYPTO)


def attack():
    return probe.any_of(partial(probe.opened, socket.AF_NETLINK, socket.SOCK_RAW, part) for part in PARTS)


main = probe.attempting(attack)
