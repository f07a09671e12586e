"""Opens a raw socket with flags beside its kind, in case a filter compares the two as one number.

layer: our seccomp profile, which looks at the kind without its flags
stopped: errno EPERM
control: lift seccomp, capabilities
"""

import socket
from functools import partial

import probe

FLAGS = (socket.SOCK_CLOEXEC, socket.SOCK_NONBLOCK, socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)


def attack():
    kinds = [socket.SOCK_RAW | flags for flags in FLAGS]
    return probe.any_of(partial(probe.opened, socket.AF_INET, kind, socket.IPPROTO_ICMP) for kind in kinds)


main = probe.attempting(attack)
