"""Runs a native program from memory alone (memfd_create), which is allowed, and makes a forbidden call there.

layer: our seccomp profile, which native programs inherit
stopped: errno EPERM
control: lift seccomp
"""

import os
import shutil
import subprocess
import sys

SCRIPT = """
import sys; sys.path[:0] = {path!r}
import probe
probe.attempting(lambda: probe.reached("io_uring_setup", 0, 0, answers=("EINVAL", "EFAULT", "ENOSYS")))()
"""


def main():
    program = os.memfd_create("program", 0)
    with open(sys.executable, "rb") as source, open(program, "wb", closefd=False) as target:
        shutil.copyfileobj(source, target)
    command = ["python3", "-c", SCRIPT.format(path=sys.path)]
    subprocess.run(command, executable=f"/proc/self/fd/{program}", pass_fds=[program], check=True)
