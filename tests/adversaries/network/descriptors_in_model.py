"""Looks for a socket among the descriptors that are open where the model is loaded: how it answers the host.

layer: streams are pipes, and processes are in a namespace of their own
stopped: nothing
control: lift processes, capabilities, confinement
container: model
"""

import os
import stat

import probe


def attack():
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            for number in os.listdir(f"/proc/{process}/fd"):
                if stat.S_ISSOCK(os.stat(f"/proc/{process}/fd/{number}").st_mode):
                    return f"descriptor {number} of process {process} is a socket"
        except OSError:
            continue
    return None


main = probe.save_something
build_model = probe.attempting_when_loaded(attack)
