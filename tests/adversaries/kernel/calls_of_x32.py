"""Makes a call by the numbers of x32 programs, which are those of the filter with one bit more.

layer: our seccomp profile, which kills what calls for another kind of processor
stopped: nothing
stopped runsc: emulated
control: lift seccomp
"""

import errno
import os
import signal

import probe

X32, GETPID = 0x40000000, 39


def attack():
    """A kernel without x32 says so itself, which is an answer too."""
    child = os.fork()
    if child == 0:
        probe.reached(X32 | GETPID, answers=("ENOSYS",))
        os._exit(0)
    fate = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if fate not in {0, -signal.SIGSYS}:
        raise OSError(errno.ENOEXEC, f"the child ended with {fate}")
    return "the kernel itself answered" if fate == 0 else None


main = probe.attempting(attack)
