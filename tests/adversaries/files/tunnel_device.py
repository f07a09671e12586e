"""Makes a network interface through the tunnel device, which gVisor lists and emulates.

layer: no devices but those of every container
stopped: errno ENOENT
stopped runsc: errno ENOENT, EPERM, EACCES, EOPNOTSUPP
control: lift host devices, capabilities
"""

import fcntl
import os
import struct

import probe

SET_INTERFACE, TUN = 0x400454CA, 1


def attack():
    tunnel = os.open("/dev/net/tun", os.O_RDWR)
    return fcntl.ioctl(tunnel, SET_INTERFACE, struct.pack("16sH22x", b"mark", TUN))[:4]



main = probe.attempting(attack)
