"""Sends datagrams to every neighbour on every link, over IPv6's link-local addresses.

layer: a network namespace without any link but the loopback
stopped: nothing
control: lift network
"""

import socket
from pathlib import Path

import probe


def attack():
    """The links with a link-local address of ours: each would carry what is sent from it."""
    for line in Path("/proc/net/if_inet6").read_text().splitlines():
        address, index, _, scope, _, link = line.split()
        if scope == "20" and link != "lo":
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as outward:
                text = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(address))
                outward.bind((text, 0, 0, int(index, 16)))
                return f"may send from {text} on {link}"
    return None


main = probe.attempting(attack)
