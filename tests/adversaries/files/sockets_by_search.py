"""Looks for a socket in the file system, such as the engine's.

layer: no socket is ever mounted
stopped: nothing
control: lift engine socket
"""

import os
import stat

import probe


def attack():
    for path in probe.paths():
        if stat.S_ISSOCK(os.lstat(path).st_mode):
            return f"a socket at {path}"
    return None



main = probe.attempting(attack)
