"""Opens a ping socket, which needs no capability.

layer: our seccomp profile, which allows TCP and UDP alone
stopped: errno EPERM
control: lift seccomp
"""

import socket
from functools import partial

import probe

ICMP6 = 58


def pinging(family, protocol):
    """A kernel that allows it to nobody (ping_group_range) was reached too: it says EACCES, our profile EPERM."""
    try:
        return probe.opened(family, socket.SOCK_DGRAM, protocol)
    except PermissionError as error:
        if probe.name_of(error) == "EACCES":
            return "the kernel itself answered EACCES"
        raise


def attack():
    kinds = [(socket.AF_INET, socket.IPPROTO_ICMP), (socket.AF_INET6, ICMP6)]
    return probe.any_of(partial(pinging, *kind) for kind in kinds)


main = probe.attempting(attack)
