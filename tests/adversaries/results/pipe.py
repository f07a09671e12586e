"""Leaves a pipe in the result's place, whose reader waits for ever.

layer: our seccomp profile, which makes no pipes with names; the trusted reader would refuse one too
stopped: errno EPERM
control: lift seccomp
"""

import os

import probe


def attack():
    os.mkfifo(probe.OUT / "result.json")
    return "a pipe stands in the result's place"


main = probe.attempting(attack)
