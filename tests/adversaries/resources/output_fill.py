"""Fills /out, which another container reads.

layer: the limit on the output
stopped: errno ENOSPC
control: lift output
"""

import arena
import probe

main = probe.attempting(lambda: probe.fill("/out/model.safetensors", arena.OUTPUT_MIB + 1))
