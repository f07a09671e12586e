"""Fills /work, where compilers write.

layer: the limit on /work
stopped: errno ENOSPC
control: lift scratch
"""

import arena
import probe

main = probe.attempting(lambda: probe.fill("/work/full", arena.WORK_MIB + 1))
