"""Connects to an abstract unix socket of the host, which no mount and no file mode guards.

layer: a network namespace of its own, in which abstract sockets live
stopped: errno ECONNREFUSED
control: lift network
"""

import socket

import arena
import probe


def attack():
    with socket.socket(socket.AF_UNIX) as host:
        host.settimeout(2)
        host.connect(f"\0{arena.HOST_ABSTRACT_SOCKET}")
        return f"the host said {host.recv(64)!r}"


main = probe.attempting(attack)
