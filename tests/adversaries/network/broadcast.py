"""Broadcasts to the whole network, and sends multicast to it.

layer: a network namespace without any link but the loopback
stopped: errno ENETUNREACH
control: lift network
"""

import socket

import arena
import probe

PLACES = ["255.255.255.255", "172.17.255.255", "224.0.0.251", "239.255.255.250"]


def attack():
    for address in [("127.0.0.1", arena.HOST_DATAGRAM_PORT), *[(place, 1900) for place in PLACES]]:
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outward:
                outward.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                outward.settimeout(2)
                outward.connect(address)
                outward.send(b"a secret")
                return f"{address[0]} answered {outward.recv(64)!r}"
        except OSError as error:
            last = error
    raise last


main = probe.attempting(attack)
