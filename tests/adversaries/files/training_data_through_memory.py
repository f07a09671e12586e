"""Writes into the training data's pages through /proc/self/mem, past their protection.

layer: a volume that opens for reading only; its shared pages take no forced write
stopped: errno EIO
stopped runsc: errno EACCES, EIO
control: lift capabilities, data
"""

import ctypes
import mmap
import os

import probe


def attack():
    try:
        data, protection = os.open("/data/train.bin", os.O_RDWR), mmap.PROT_READ | mmap.PROT_WRITE
    except OSError:
        data, protection = os.open("/data/train.bin", os.O_RDONLY), mmap.PROT_READ
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    address = libc.mmap(None, mmap.PAGESIZE, protection, mmap.MAP_SHARED, data, 0)
    memory = os.open("/proc/self/mem", os.O_RDWR)
    same = os.pread(data, 2, 0)
    return f"wrote {os.pwrite(memory, same, address)} bytes into the shared pages of /data/train.bin"



main = probe.attempting(attack)
