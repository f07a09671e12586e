"""Gives the loopback another address, as a first step to a link of its own.

layer: no capability over its network namespace
stopped: errno EPERM
stopped runsc: errno ENOTTY, EPERM
control: lift capabilities
"""

import fcntl
import socket
import struct

import probe

SET_ADDRESS = 0x8916


def attack():
    """The address is set in a namespace of the container's own, which ends with it."""
    address = struct.pack("=H2x4s8x", socket.AF_INET, socket.inet_aton("127.0.0.77"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SET_ADDRESS, struct.pack("16s16s", b"lo:7", address))
    return "the loopback has another address"


main = probe.attempting(attack)
