"""Starts more threads than it may have.

layer: the limit on processes, which counts threads too
stopped: errno EAGAIN
stopped runsc: emulated
control: lift pids
"""

import ctypes
import os

import arena
import probe

LIBC = ctypes.CDLL(None)


def attack():
    started = ctypes.c_ulong()
    for _ in range(arena.PIDS + 16):
        error = LIBC.pthread_create(ctypes.byref(started), None, LIBC.pause, None)
        if error:
            raise OSError(error, os.strerror(error))
    return f"{arena.PIDS + 16} threads at once"


main = probe.attempting(attack)
