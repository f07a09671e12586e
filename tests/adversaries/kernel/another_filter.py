"""Lays a filter of its own over ours, one that allows everything, and then calls what ours refuses.

layer: our seccomp profile, over which a kernel only ever adds
stopped: errno EPERM
control: lift seccomp, privileges
"""

import ctypes
import struct

import probe

SET_SECCOMP, FILTER, RETURN, ALLOW = 22, 2, 0x06, 0x7FFF0000
NO_NEW_PRIVILEGES = 38


def attack():
    rules = ctypes.create_string_buffer(struct.pack("HBBI", RETURN, 0, 0, ALLOW))
    program = struct.pack("HxxxxxxP", 1, ctypes.addressof(rules))
    probe.system_call("prctl", NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    probe.system_call("prctl", SET_SECCOMP, FILTER, program, 0, 0)
    return probe.reached("io_uring_setup", 0, 0, answers=("EINVAL", "EFAULT", "ENOSYS"))


main = probe.attempting(attack)
