"""Fills /dev/shm.

layer: the limit on /dev/shm
stopped: errno ENOSPC
control: lift shm
"""

import arena
import probe

main = probe.attempting(lambda: probe.fill("/dev/shm/full", arena.SHM_MIB + 1))
