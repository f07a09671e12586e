"""Which paths of a proposal may become paths of a git tree. Everything else stays a mere string."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?<!\.)"
_PLAIN = re.compile(rf"(?:{_NAME}/){{0,7}}{_NAME}")
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
_LONGEST_PATH = 200
_LONGEST_NAME = 100


def is_plain(path: str) -> bool:
    """Whether a path is relative, made of plain ASCII names without a leading or last dot, and short."""
    if len(path) > _LONGEST_PATH or not _PLAIN.fullmatch(path):
        return False
    return not any(len(name) > _LONGEST_NAME or _DEVICES.fullmatch(name) for name in path.split("/"))


def committable(paths: Iterable[str]) -> set[str]:
    """The plain ones, less those that would make one name both a file and a folder."""
    plain = {path for path in paths if is_plain(path)}
    folders = {path[:end] for path in plain for end in range(len(path)) if path[end] == "/"}
    return {path for path in plain if path not in folders and not _stands_under(path, plain)}


def _stands_under(path: str, files: set[str]) -> bool:
    return any(path[:end] in files for end in range(len(path)) if path[end] == "/")


def shown(path: str) -> str:
    """An ASCII name for a path that was left out; it is never itself a plain path.

    Control, bidi and other characters appear as escapes, so that two paths do not look alike.
    """
    name = path.encode("unicode_escape").decode("ascii")
    return name if len(name) <= _LONGEST_PATH else f"{name[: _LONGEST_PATH - 3]}..."
