"""Leaves a file in folders of the image that everybody may write to.

layer: a read-only root file system
stopped: errno EROFS
control: lift root
"""

from pathlib import Path

import probe


def attack():
    for folder in ("/var/tmp", "/run/lock"):
        try:
            Path(folder, "mark").write_text("here")
            return f"left a file in {folder}"
        except OSError as error:
            last = error
    raise last



main = probe.attempting(attack)
