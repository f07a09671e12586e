"""Writes into the memory of another process (process_vm_writev).

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

import ctypes
import os
import signal
import struct

import probe

PLACE = ctypes.create_string_buffer(b"untouched")


def attack():
    child = os.fork()
    if child == 0:
        probe.wait_for_ever()
    lie = ctypes.create_string_buffer(b"touched")
    here = struct.pack("PN", ctypes.addressof(lie), 7)
    there = struct.pack("PN", ctypes.addressof(PLACE), 7)
    try:
        return f"wrote {probe.system_call('process_vm_writev', child, here, 1, there, 1, 0)} bytes"
    finally:
        os.kill(child, signal.SIGKILL)


main = probe.attempting(attack)
