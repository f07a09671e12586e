"""Mounts a file system of its own over one of the container's.

layer: our seccomp profile, and no capability to administer (AppArmor forbids it too, where there is one)
stopped: errno EPERM
control: lift capabilities, confinement
"""

import probe


def attack():
    probe.system_call("mount", b"none", b"/tmp", b"tmpfs", 0, 0)
    return "a file system of its own in /tmp"


main = probe.attempting(attack)
