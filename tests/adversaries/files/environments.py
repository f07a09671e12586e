"""Reads the environment of every process in sight and looks for a key.

layer: an environment made from nothing; no key is ever passed on
stopped: nothing
control: lift environment
"""

from pathlib import Path

import probe


def attack():
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            text = path.read_bytes()
        except OSError:
            continue
        if b"API_KEY" in text or probe.secret_in(text):
            return probe.secret_in(text) or f"a key in {path}"
    return None



main = probe.attempting(attack)
