"""Asks for a handle that names a file outside every mount.

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

import probe


def attack():
    handle, mount, answers = bytes(8), bytes(8), ("EOVERFLOW", "ENOTSUP")
    return probe.reached("name_to_handle_at", -100, b"/etc/hosts", handle, mount, 0, answers=answers)


main = probe.attempting(attack)
