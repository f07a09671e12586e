"""Gives a program of its own every capability there is.

layer: our seccomp profile and dropped capabilities: either suffices
stopped: errno EPERM
stopped runsc: errno EPERM, ENOTSUP
control: lift seccomp, capabilities
"""

import os
import shutil
import struct

import probe

ALL = struct.pack("<5I", 0x02000001, 0xFFFFFFFF, 0, 0x1FF, 0)


def attack():
    copy = shutil.copy("/usr/bin/true", "/work/helper")
    os.setxattr(copy, "security.capability", ALL)
    return f"{copy} carries {len(os.getxattr(copy, 'security.capability'))} bytes of capabilities"



main = probe.attempting(attack)
