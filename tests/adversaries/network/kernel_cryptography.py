"""Opens a socket to the kernel's cryptography (ALG), through which the page cache was written before.

layer: our seccomp profile, which names the three families that are allowed
stopped: errno EPERM
control: lift seccomp
"""

import socket
from functools import partial

import probe


def bound():
    with socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET) as algorithm:
        algorithm.bind(("hash", "sha256"))
        return "bound to sha256"


def attack():
    return probe.any_of([partial(probe.opened, socket.AF_ALG, probe.NO_KIND), bound])


main = probe.attempting(attack)
