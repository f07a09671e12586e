"""A change that was made to one source, made to a newer one: git's three-way merge of whole files."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from orchestrator.errors import SetupError
from orchestrator.records import Files

SECONDS = 20.0


class Conflict(Exception):  # noqa: N818 - two changes that do not fit together: data, not an error of ours
    """Both sides changed the same place; the message names the file."""


def merge(*, base: Files, ours: Files, theirs: Files) -> dict[str, str]:
    """What `theirs` changed of `base`, made to `ours`: the whole text of each file.

    A file that only one side changed is taken from it. Raises Conflict where both changed the same lines,
    or one added or removed lines beside those of the other, or removed what the other changed.
    """
    paths = sorted({*base, *ours, *theirs})
    merged = {path: _merged(path, base.get(path), ours.get(path), theirs.get(path)) for path in paths}
    return {path: text for path, text in merged.items() if text is not None}


def _merged(path: str, base: str | None, ours: str | None, theirs: str | None) -> str | None:
    if theirs in (base, ours):
        return ours
    if ours == base:
        return theirs
    if ours is None or theirs is None:
        raise Conflict(f"{path}: one side removed it, the other changed it")
    return _merged_text(path, base or "", ours, theirs)


def _merged_text(path: str, base: str, ours: str, theirs: str) -> str:
    with tempfile.TemporaryDirectory(prefix="autoresearch-merge-") as folder:
        names = ("ours", "base", "theirs")
        for name, text in zip(names, (ours, base, theirs), strict=True):
            Path(folder, name).write_bytes(text.encode("utf-8", "surrogatepass"))
        done = _git_merge_file(folder, names, path)
    if done.returncode == 0:
        return done.stdout.decode("utf-8", "surrogatepass")
    by_line = _merged_line_by_line(base, ours, theirs)  # git takes changes of neighbouring lines for one
    if by_line is None:
        raise Conflict(f"{path}: both changed the same lines")
    return by_line


def _merged_line_by_line(base: str, ours: str, theirs: str) -> str | None:
    """For texts of as many lines: each line from the side that changed it; None where both did."""
    lines = [text.splitlines(keepends=True) for text in (base, ours, theirs)]
    if len({len(each) for each in lines}) > 1:
        return None
    merged = []
    for before, left, right in zip(*lines, strict=True):
        if before not in (left, right) and left != right:
            return None
        merged.append(right if left == before else left)
    return "".join(merged)


def _git_merge_file(folder: str, names: tuple[str, ...], path: str) -> subprocess.CompletedProcess[bytes]:
    command = ["git", "merge-file", "-p", "-q", *names]
    try:
        return subprocess.run(  # noqa: S603
            command,
            cwd=folder,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            start_new_session=True,  # a Ctrl-C is no conflict
        )
    except subprocess.TimeoutExpired:
        raise Conflict(f"{path}: the merge took longer than {SECONDS:g} seconds") from None
    except OSError as error:
        raise SetupError(f"git cannot be started: {error.strerror}", remedy="install git") from None
