"""Reads the command line of every process in sight and looks for one of the host.

layer: a process namespace of its own
stopped: nothing
control: lift processes
"""

from pathlib import Path

import probe

OURS = (b"/opt/autoresearch/runner.py", b"docker-init")


def attack():
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        line = path.read_bytes()
        if line and not any(word in line for word in OURS):
            return line.replace(b"\0", b" ")
    return None



main = probe.attempting(attack)
