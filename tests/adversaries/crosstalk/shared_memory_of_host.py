"""Reads shared memory for what other processes of the machine keep there.

layer: shared memory of its own
stopped: nothing
control: lift ipc
"""

from pathlib import Path

import probe


def attack():
    return next(filter(None, (probe.secret_in(probe.content(path)) for path in Path("/dev/shm").glob("**/*"))), None)



main = probe.attempting(attack)
