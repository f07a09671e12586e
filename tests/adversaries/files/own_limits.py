"""Opens its own limits and its cgroup's release agent for writing.

layer: a read-only view of its cgroup, and not root
stopped: errno EACCES, EROFS
stopped runsc: errno EACCES, EROFS, ENOENT
control: lift cgroup files, user
"""

import os
from pathlib import Path

import probe

NAMES = ("memory.limit_in_bytes", "pids.max", "cpu.cfs_quota_us", "memory.max", "cpu.max", "release_agent", "cgroup.procs")


def attack():
    last = FileNotFoundError()
    for name in NAMES:
        for path in (Path("/sys/fs/cgroup", name), *Path("/sys/fs/cgroup").glob(f"*/{name}")):
            try:
                os.close(os.open(path, os.O_WRONLY))
                return f"{path} is open for writing"
            except OSError as error:
                last = error
    raise last



main = probe.attempting(attack)
