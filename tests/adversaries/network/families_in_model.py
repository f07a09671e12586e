"""Opens a socket of every family but unix, IPv4 and IPv6 where the model is loaded.

layer: our seccomp profile, in the model container too
stopped: errno EPERM
control: lift seccomp
container: model
"""

import socket
from functools import partial

import probe

ALLOWED = {socket.AF_UNIX, socket.AF_INET, socket.AF_INET6}


def attack():
    families = [family for family in range(46) if family not in ALLOWED]
    kinds = (probe.NO_KIND, socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW)
    return probe.any_of([partial(probe.opened, family, kind) for kind in kinds for family in families])


main = probe.save_something
build_model = probe.attempting_when_loaded(attack)
