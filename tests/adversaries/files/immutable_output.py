"""Makes its output immutable, so that nobody can clear it away.

layer: dropped capabilities
stopped: errno EPERM
stopped runsc: errno EPERM, ENOTTY
control: lift capabilities
"""

import fcntl
import struct

import probe

READ_FLAGS, WRITE_FLAGS, IMMUTABLE = 0x80086601, 0x40086602, 0x10


def attack():
    probe.write_result()
    with (probe.OUT / "result.json").open("rb") as stream:
        (before,) = struct.unpack("<q", fcntl.ioctl(stream, READ_FLAGS, bytes(8)))
        fcntl.ioctl(stream, WRITE_FLAGS, struct.pack("<q", before | IMMUTABLE))
        (after,) = struct.unpack("<q", fcntl.ioctl(stream, READ_FLAGS, bytes(8)))
        fcntl.ioctl(stream, WRITE_FLAGS, struct.pack("<q", before))
    return f"flags went from {before:#x} to {after:#x}"



main = probe.attempting(attack)
