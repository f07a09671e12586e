"""Plants a module where the trusted runner of the next container would import it.

layer: not root, and a read-only root file system
stopped: errno EACCES, EROFS
control: lift user, root
"""

import site
import sys
from pathlib import Path

import probe


def attack():
    last = FileNotFoundError()
    for folder in (*site.getsitepackages(), "/opt/autoresearch", *sys.path[1:]):
        try:
            if folder.startswith("/work") or not Path(folder).is_dir():
                continue
            Path(folder, "sitecustomize.py").write_text("")
            return f"planted sitecustomize in {folder}"
        except OSError as error:
            last = error
    raise last



main = probe.attempting(attack)
