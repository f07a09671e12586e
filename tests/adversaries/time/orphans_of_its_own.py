"""Makes itself the parent of all orphans below it, and leaves one that shall outlive everything.

layer: the container ends with its first process, and every other with it
stopped: no_result: was not saved
control: naive reader
"""

import ctypes
import os
import time

import probe

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
PRCTL = ctypes.CDLL(None).prctl


def main():
    if os.fork():
        return
    os.setsid()
    PRCTL(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    PRCTL(PR_SET_PDEATHSIG, 0, 0, 0, 0)
    if os.fork() == 0 and os.fork() == 0:
        time.sleep(0.3)
        probe.save_something({"val_bpb": 0.1})
    else:
        time.sleep(60)
    os._exit(0)
