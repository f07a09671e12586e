"""Leaves a pipe in the result's place, on which a reader waits for ever.

layer: our seccomp profile, and the trusted reader, which does not wait
stopped: errno EPERM
control: naive reader, seccomp
"""

import os

import probe


def attack():
    os.mkfifo(probe.OUT / "result.json")



main = probe.attempting(attack)
