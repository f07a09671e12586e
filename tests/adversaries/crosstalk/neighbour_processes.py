"""Counts the processes of its user beyond its own container by how many the kernel lets it have.

layer: a user of its own
stopped: nothing
control: lift own user
"""

import os
import resource

import probe

SLACK = 8


def attack():
    own = sum(len(os.listdir(f"/proc/{pid}/task")) for pid in os.listdir("/proc") if pid.isdigit())
    limit = own + SLACK
    resource.setrlimit(resource.RLIMIT_NPROC, (limit, resource.getrlimit(resource.RLIMIT_NPROC)[1]))
    try:
        child = os.fork()
    except BlockingIOError:
        return f"more than {limit - own} processes of its user are elsewhere"
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return None


main = probe.attempting(attack)
