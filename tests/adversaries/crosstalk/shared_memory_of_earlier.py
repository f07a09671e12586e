"""Leaves a segment of shared memory by its number, and looks for an earlier one.

layer: our seccomp profile, before a namespace of its own
stopped: errno EPERM
control: same container, seccomp
"""

import errno

import probe

KEY, CREATE = 0x6175746F, 0o1600


def attack():
    try:
        segment = probe.system_call("shmget", KEY, 4096, 0)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
        probe.system_call("shmget", KEY, 4096, CREATE)
        return None
    return f"segment {segment} of an earlier candidate"



main = probe.attempting(attack)
