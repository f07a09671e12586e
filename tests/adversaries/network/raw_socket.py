"""Opens raw sockets of IPv4 and IPv6, which forge addresses and ports.

layer: our seccomp profile, and no capability to use raw sockets
stopped: errno EPERM
control: lift seccomp, capabilities
"""

import socket
from functools import partial

import probe

PROTOCOLS = (socket.IPPROTO_ICMP, socket.IPPROTO_TCP, socket.IPPROTO_UDP, socket.IPPROTO_RAW)


def attack():
    families = (socket.AF_INET, socket.AF_INET6)
    return probe.any_of(
        partial(probe.opened, family, socket.SOCK_RAW, protocol) for family in families for protocol in PROTOCOLS
    )


main = probe.attempting(attack)
