"""Opens sockets of protocols beside TCP and UDP: MPTCP, UDP-Lite, SCTP, DCCP, SMC.

layer: our seccomp profile, which allows TCP and UDP alone
stopped: errno EPERM
control: lift seccomp
"""

import socket
from functools import partial

import probe

MPTCP, UDPLITE, SCTP, DCCP, SMC, DCCP_KIND = 262, 136, 132, 33, 256, 6
STREAMS = (MPTCP, SCTP, SMC)


def attack():
    families = (socket.AF_INET, socket.AF_INET6)
    attempts = [partial(probe.opened, family, socket.SOCK_STREAM, it) for it in STREAMS for family in families]
    attempts += [partial(probe.opened, family, socket.SOCK_DGRAM, UDPLITE) for family in families]
    attempts += [partial(probe.opened, family, DCCP_KIND, DCCP) for family in families]
    attempts += [partial(probe.opened, family, socket.SOCK_SEQPACKET, SCTP) for family in families]
    return probe.any_of(attempts)


main = probe.attempting(attack)
