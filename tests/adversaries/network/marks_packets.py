"""Marks its packets, so that the host's routing and firewall rules treat them as somebody else's.

layer: no capability over its network namespace
stopped: errno EPERM
stopped runsc: emulated
control: lift capabilities
"""

import socket

import probe

MARK = 36


def attack():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as marked:
        marked.setsockopt(socket.SOL_SOCKET, MARK, 7)
        return "its packets are marked"


main = probe.attempting(attack)
