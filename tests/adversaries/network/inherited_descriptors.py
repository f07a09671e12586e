"""Looks for a socket among the descriptors that it and every process in sight hold, such as one to the engine.

layer: streams are pipes, and processes are in a namespace of their own
stopped: nothing
control: lift processes, capabilities, confinement
"""

import os
import stat

import probe


def sockets_of(process):
    for number in os.listdir(f"/proc/{process}/fd"):
        path = f"/proc/{process}/fd/{number}"
        if stat.S_ISSOCK(os.stat(path).st_mode):
            yield f"descriptor {number} of process {process} is {os.readlink(path)}"


def attack():
    for process in ["self", *filter(str.isdigit, os.listdir("/proc"))]:
        try:
            for found in sockets_of(process):
                return found
        except OSError:
            continue
    return None


main = probe.attempting(attack)
