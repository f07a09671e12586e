"""Makes a call by the door for 32-bit programs, where calls have other numbers than those in the filter.

layer: our seccomp profile, which kills what calls for another kind of processor
stopped: nothing
stopped runsc: errno ENOEXEC
control: lift seccomp
"""

import ctypes
import errno
import mmap
import os
import signal

import probe

GETPID = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"  # mov eax, 20; int 0x80; ret


def call():
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(GETPID)
    return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()


def attack():
    child = os.fork()
    if child == 0:
        os._exit(0 if call() == os.getpid() else 1)
    fate = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if fate not in {0, -signal.SIGSYS}:
        raise OSError(errno.ENOEXEC, f"this kernel has no such door: the child ended with {fate}")
    return "a call of 32 bits was answered" if fate == 0 else None


main = probe.attempting(attack)
