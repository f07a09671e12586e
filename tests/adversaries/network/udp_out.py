"""Sends datagrams to the host and to public addresses, and waits for answers.

layer: a network namespace with nothing but a loopback
stopped: errno ENETUNREACH
stopped runsc: errno EHOSTUNREACH, ENETUNREACH
control: lift network
"""

import socket

import arena
import probe


def attack():
    for address in [("127.0.0.1", arena.HOST_DATAGRAM_PORT), ("1.1.1.1", 443), ("10.0.0.1", 514)]:
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outward:
                outward.settimeout(2)
                outward.connect(address)
                outward.send(b"a secret")
                return f"{address[0]} answered {outward.recv(64)!r}"
        except OSError as error:
            last = error
    raise last


main = probe.attempting(attack)
