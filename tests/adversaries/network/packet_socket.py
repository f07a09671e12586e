"""Opens a packet socket, which reads and forges frames of every program.

layer: our seccomp profile, and no capability to use raw sockets
stopped: errno EPERM
control: lift seccomp, capabilities
"""

import socket
from functools import partial

import probe

EVERYTHING = 0x0300  # ETH_P_ALL, in the network's order


def attack():
    kinds = (socket.SOCK_RAW, socket.SOCK_DGRAM)
    return probe.any_of([partial(probe.opened, socket.AF_PACKET, kind, EVERYTHING) for kind in kinds])


main = probe.attempting(attack)
