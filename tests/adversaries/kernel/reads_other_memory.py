"""Reads a secret out of the memory of another process (process_vm_readv).

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

import ctypes
import os
import signal
import struct

import probe

SECRET = ctypes.create_string_buffer(b"only here")


def attack():
    child = os.fork()
    if child == 0:
        SECRET.value = b"in child"
        probe.wait_for_ever()
    taken = ctypes.create_string_buffer(8)
    here = struct.pack("PN", ctypes.addressof(taken), 8)
    there = struct.pack("PN", ctypes.addressof(SECRET), 8)
    try:
        return f"read {probe.system_call('process_vm_readv', child, here, 1, there, 1, 0)} bytes"
    finally:
        os.kill(child, signal.SIGKILL)


main = probe.attempting(attack)
