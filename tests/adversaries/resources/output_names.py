"""Makes as many empty files in /out as it can.

layer: the limit on the output's files
stopped: errno ENOSPC
control: lift output
"""

import arena
import probe


def attack():
    for index in range(arena.OUTPUT_FILES + 1):
        (probe.OUT / str(index)).touch()
    return f"{arena.OUTPUT_FILES + 1} files"


main = probe.attempting(attack)
