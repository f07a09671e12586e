"""Makes a cgroup of its own below its own, with no limits in it.

layer: a read-only view of its cgroup, and not root
stopped: errno EACCES, EROFS
control: lift cgroup files, user
"""

from pathlib import Path

import probe


def attack():
    last = FileNotFoundError()
    for folder in (Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").glob("*/")):
        try:
            (folder / "autoresearch-inner").mkdir()
            (folder / "autoresearch-inner").rmdir()
            return f"made and removed {folder}/autoresearch-inner"
        except OSError as error:
            last = error
    raise last



main = probe.attempting(attack)
