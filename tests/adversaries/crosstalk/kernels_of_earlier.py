"""Leaves compiled code in the caches of kernels, where a later candidate would load it.

layer: caches in scratch space that ends with its container
stopped: nothing
control: same container
"""

import contextlib
import os
from pathlib import Path

import probe

CACHES = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "HOME", "TMPDIR")


def attack():
    marks = [Path(os.environ[name], "ab", "kernel.so") for name in CACHES]
    left = [str(mark) for mark in marks if mark.exists()]
    for mark in marks:
        with contextlib.suppress(OSError):
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.write_bytes(b"\x7fELF")
    return f"an earlier candidate left {left}" if left else None



main = probe.attempting(attack)
