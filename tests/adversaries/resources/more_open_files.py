"""Raises its own limit on open files.

layer: a hard limit, which only a capability could raise
stopped: errno EPERM
control: lift open files
"""

import arena
import probe

main = probe.attempting(lambda: probe.raise_limit("RLIMIT_NOFILE", arena.OPEN_FILES * 2))
