"""Which paths a policy lets a proposal write."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NAME = r"(?!(?:con|prn|aux|nul|com[0-9]|lpt[0-9])[./])[A-Za-z_][A-Za-z0-9_]{0,90}"
_MODULE = re.compile(rf"(?:{_NAME}/){{1,7}}{_NAME}\.py", re.IGNORECASE)
_LONGEST_PATH = 200


def may_be_written(path: str, files: Sequence[str]) -> bool:
    """Whether a path is one of the files, spelt exactly so, or a module somewhere in one of the folders."""
    if path in files:
        return not path.endswith("/")
    folders = tuple(entry for entry in files if entry.endswith("/"))
    plain = len(path) <= _LONGEST_PATH and path.endswith(".py") and _MODULE.fullmatch(path)
    return bool(plain) and path.startswith(folders)


def module_of(path: str) -> str:
    """The name that the container imports a file by: `models/attention.py` is `models.attention`."""
    return path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
