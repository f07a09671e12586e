"""Asks of every process number whether it may signal that process, its own left out.

layer: a process namespace of its own
stopped: nothing
control: lift processes
"""

import os
from pathlib import Path

import probe

NUMBERS = 65536


def own():
    """Its ancestors and itself; numbers of threads are as good as those of processes."""
    pids, pid = [], os.getpid()
    while pid:
        pids += [pid, *(int(task.name) for task in Path(f"/proc/{pid}/task").iterdir())]
        status = Path(f"/proc/{pid}/status").read_text()
        pid = int(status.partition("PPid:")[2].split()[0])
    return pids


def attack():
    for pid in set(range(1, NUMBERS)) - set(own()):
        try:
            os.kill(pid, 0)
        except OSError:
            continue
        return f"process {pid} would take a signal"
    return None



main = probe.attempting(attack)
