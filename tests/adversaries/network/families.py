"""Opens a socket of every family but unix, IPv4 and IPv6, in every kind.

layer: our seccomp profile, which names the three families that are allowed
stopped: errno EPERM
control: lift seccomp
"""

import socket
from functools import partial

import probe

ALLOWED = {socket.AF_UNIX, socket.AF_INET, socket.AF_INET6}
KINDS = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET)


def attack():
    families = [family for family in range(46) if family not in ALLOWED]
    attempts = [partial(probe.opened, family, probe.NO_KIND) for family in families]
    attempts += [partial(probe.opened, family, kind) for family in families for kind in KINDS]
    return probe.any_of(attempts)


main = probe.attempting(attack)
