"""Sends data with the first packet of a TCP connection, without waiting to be connected (TCP fast open).

layer: a network namespace with nothing but a loopback
stopped: errno ENETUNREACH
stopped runsc: errno EPIPE, EHOSTUNREACH, ENETUNREACH
control: lift network
"""

import socket

import arena
import probe


def attack():
    for address in [("127.0.0.1", arena.HOST_PORT), ("1.1.1.1", 443), ("10.0.0.1", 443)]:
        try:
            with socket.socket() as outward:
                outward.sendto(b"a secret", socket.MSG_FASTOPEN, address)
                outward.settimeout(2)
                return f"{address[0]} said {outward.recv(64)!r}"
        except OSError as error:
            last = error
    raise last


main = probe.attempting(attack)
