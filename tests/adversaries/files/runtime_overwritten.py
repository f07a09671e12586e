"""Opens the running interpreter for writing through /proc, as was done to the container runtime.

layer: not root, and a read-only root file system
stopped: errno EACCES, EROFS
control: lift user, root
"""

import errno
import os

import probe


def attack():
    try:
        os.close(os.open("/proc/self/exe", os.O_WRONLY | os.O_APPEND))
    except OSError as error:
        if error.errno != errno.ETXTBSY:
            raise
    return "nothing but that it runs keeps it from being written"



main = probe.attempting(attack)
