"""Asks to be spared when memory is short, and the host's own processes to go first.

layer: a score that the host raised; lowering it below the engine's own takes a capability
stopped: nothing
stopped runsc: emulated
control: lift score adjust
"""

import contextlib
from pathlib import Path

import probe

SCORE = Path("/proc/self/oom_score_adj")


def attack():
    with contextlib.suppress(PermissionError):
        SCORE.write_text("-1")
    score = int(SCORE.read_text())
    return f"its score is {score}, that of the host's processes is 0" if score <= 0 else None



main = probe.attempting(attack)
