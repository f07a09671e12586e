"""Gives a program of its own to root, and makes it run with its owner's rights.

layer: our seccomp profile and dropped capabilities: either suffices
stopped: errno EPERM
control: lift seccomp, capabilities
"""

import os
import shutil

import probe


def attack():
    copy = shutil.copy("/usr/bin/true", "/work/helper")
    os.chown(copy, 0, 0)
    os.chmod(copy, 0o4755)
    return f"{copy} has owner {os.stat(copy).st_uid} and mode {os.stat(copy).st_mode & 0o7777:o}"



main = probe.attempting(attack)
