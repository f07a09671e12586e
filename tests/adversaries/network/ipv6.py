"""Connects over IPv6: to the host by its IPv4 address in IPv6's form, and to public and private addresses.

layer: a network namespace with nothing but a loopback
stopped: errno ENETUNREACH, EADDRNOTAVAIL
stopped runsc: errno EHOSTUNREACH, ENETUNREACH
control: lift network
"""

import socket
from contextlib import suppress
from functools import partial

import arena
import probe

ADDRESSES = [("2606:4700:4700::1111", 443), ("fd00:ec2::254", 80), ("2001:db8::1", 80)]


def connect(address):
    with socket.socket(socket.AF_INET6) as outward:
        outward.settimeout(2)
        outward.connect(address)
        return f"{address[0]} said {outward.recv(64)!r}"


def attack():
    with suppress(ConnectionRefusedError):
        return connect(("::ffff:127.0.0.1", arena.HOST_PORT))
    return probe.any_of(partial(connect, address) for address in ADDRESSES)


main = probe.attempting(attack)
