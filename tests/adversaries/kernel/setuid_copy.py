"""Runs a setuid copy of a program, and looks whether it became somebody else.

layer: a user without root, no-new-privileges, nosuid mounts and our seccomp profile
stopped: nothing
control: lift capabilities, privileges, setuid, seccomp
"""

import os
import shutil
import subprocess
from contextlib import suppress

import probe

NOBODY = 65534
COPY = "/work/who"


def step_down():
    """A root that made the copy becomes nobody, so that the copy has something to give."""
    with suppress(OSError):
        probe.system_call("setresuid", NOBODY, NOBODY, NOBODY)


def attack():
    shutil.copy("/usr/bin/id", COPY)
    os.chmod(COPY, 0o6755)
    step_down()
    who = subprocess.run([COPY, "-u"], capture_output=True, text=True).stdout.strip()
    return f"a child of {os.getuid()} is {who}" if who and int(who) != os.getuid() else None


main = probe.attempting(attack)
