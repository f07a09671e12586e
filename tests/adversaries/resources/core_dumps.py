"""Allows itself to dump its memory to a file when it dies.

layer: a hard limit of nothing on dumps
stopped: errno EPERM
control: lift core
"""

import probe

main = probe.attempting(lambda: probe.raise_limit("RLIMIT_CORE", 1 << 20))
