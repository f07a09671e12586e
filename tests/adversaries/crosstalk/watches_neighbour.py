"""Watches the shared training data for whoever opens it.

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

import ctypes
import os

import probe

OPENED = 0x20


def attack():
    watcher = probe.system_call("inotify_init1", os.O_NONBLOCK)
    path = ctypes.c_char_p(b"/data/train.bin")
    return f"watch {probe.system_call('inotify_add_watch', watcher, path, OPENED)}"



main = probe.attempting(attack)
