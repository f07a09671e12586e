"""Reaches public addresses of IPv4 through a socket of IPv6, in case only one of the two has no way out.

layer: a network namespace with nothing but a loopback
stopped: errno ENETUNREACH
stopped runsc: errno EHOSTUNREACH, ENETUNREACH
control: lift network
"""

import socket

import arena
import probe

ADDRESSES = [("127.0.0.1", arena.HOST_PORT), ("1.1.1.1", 443), ("169.254.169.254", 80)]


def attack():
    for host, port in ADDRESSES:
        try:
            with socket.create_connection((f"::ffff:{host}", port), timeout=2) as connection:
                return f"{host} said {connection.recv(64)!r}"
        except OSError as error:
            last = error
    raise last


main = probe.attempting(attack)
