"""Takes the mark off that keeps it from gaining privileges (no-new-privileges).

layer: no-new-privileges, which nobody can take off
stopped: nothing
control: lift privileges, seccomp
"""

from contextlib import suppress

import probe

SET, GET = 38, 39


def attack():
    with suppress(OSError):
        probe.system_call("prctl", SET, 0, 0, 0, 0)
    return None if probe.system_call("prctl", GET, 0, 0, 0, 0) else "it may gain privileges"


main = probe.attempting(attack)
