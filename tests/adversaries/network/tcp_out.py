"""Connects over TCP to the host, to public addresses and to the metadata service.

layer: a network namespace with nothing but a loopback
stopped: errno ENETUNREACH
stopped runsc: errno EHOSTUNREACH, ENETUNREACH
control: lift network
"""

import socket

import arena
import probe

ADDRESSES = [("1.1.1.1", 443), ("169.254.169.254", 80), ("172.17.0.1", 2375), ("10.0.0.1", 22)]


def attack():
    for address in [("127.0.0.1", arena.HOST_PORT), *ADDRESSES]:
        try:
            with socket.create_connection(address, timeout=2) as connection:
                return f"{address[0]} said {connection.recv(64)!r}"
        except OSError as error:
            last = error
    raise last


main = probe.attempting(attack)
