"""Joins a multicast group on any link but the loopback.

layer: a network namespace without any link but the loopback
stopped: errno ENODEV
control: lift network
"""

import socket
import struct
from functools import partial

import probe

ALL_HOSTS = "224.0.0.1"  # every host is in it by itself: joining tells no router


def join(index):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        request = struct.pack("4s4si", socket.inet_aton(ALL_HOSTS), bytes(4), index)
        listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
        return f"joined {ALL_HOSTS} on link {index}"


def attack():
    return probe.any_of([partial(join, index) for index in range(64) if index != 1])


main = probe.attempting(attack)
