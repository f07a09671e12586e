"""Speaks to the machine below this one over a vsock, which no network namespace bounds.

layer: our seccomp profile, which names the three families that are allowed
stopped: errno EPERM
control: lift seccomp
"""

import socket
from functools import partial

import probe

HOST, LOCAL, ANY_PORT = 2, 1, 1024


def speak(place):
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as outward:
        outward.settimeout(0.5)
        outward.connect((place, ANY_PORT))
        return f"connected to {place}"


def attack():
    opening = partial(probe.opened, socket.AF_VSOCK, probe.NO_KIND)
    return probe.any_of([opening, partial(speak, HOST), partial(speak, LOCAL)])


main = probe.attempting(attack)
