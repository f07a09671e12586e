"""Hangs attributes and access lists on its output, which a copy would carry along.

layer: our seccomp profile
stopped: errno EPERM
stopped runsc: errno EPERM, ENOTSUP
control: lift seccomp
"""

import os

import probe


def attack():
    probe.write_result()
    os.setxattr(probe.OUT / "result.json", "user.note", b"kept beside the content")
    return os.listxattr(probe.OUT / "result.json")



main = probe.attempting(attack)
