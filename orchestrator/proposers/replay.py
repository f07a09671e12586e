"""Recorded proposals from a folder, one after another: to repeat a night, or to try edits without a model."""

from __future__ import annotations

import re
from pathlib import Path

from orchestrator.errors import ProposalsExhausted, SetupError
from orchestrator.proposers.replies import UNTITLED, read_reply
from orchestrator.records import History, Proposal
from orchestrator.text import sanitise_line

TITLE_CHARACTERS = 200
_NUMBERED = re.compile(r"^\d+[-_. ]*")


class ReplayProposer:
    """Proposes what the folder holds, in the order of the names.

    `0001-title.md` holds a model's reply, `0002-title.py` a whole entry file, a sub-folder whole files.
    Raises SetupError when the folder cannot be read or holds none of these.
    """

    name = "replay"

    def __init__(self, folder: Path, entry_file: str = "train.py") -> None:
        self._entry_file = entry_file
        self._recorded = _recorded(folder)
        self._next = 0

    def propose(self, history: History) -> Proposal:
        """The next recorded proposal, or the last one again where the best moved on before it ran.

        Raises ProposalsExhausted after the last one.
        """
        if history.mend and history.mend.stale and self._next:
            self._next -= 1
        if self._next == len(self._recorded):
            raise ProposalsExhausted(f"all {self._next} recorded proposals are used up")
        path = self._recorded[self._next]
        self._next += 1
        if path.suffix == ".md":
            return _titled(read_reply(_read(path), history.best_files, proposer=self.name), path)
        files = _whole_files(path) if path.is_dir() else {self._entry_file: _read(path)}
        return Proposal(_title(path), files, proposer=self.name)


def _recorded(folder: Path) -> tuple[Path, ...]:
    remedy = "name a folder of NNNN-title.md replies, NNNN-title.py files, or sub-folders of files"
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise SetupError(f"{folder}: cannot be read: {error.strerror}", remedy=remedy) from None
    found = tuple(path for path in paths if _is_recorded(path))
    if not found:
        raise SetupError(f"{folder}: holds no recorded proposal", remedy=remedy)
    return found


def _is_recorded(path: Path) -> bool:
    if path.name.startswith((".", "__")):
        return False
    return path.is_dir() or (path.suffix in {".md", ".py"} and path.name != "README.md")


def _whole_files(folder: Path) -> dict[str, str]:
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): _read(path) for path in paths}


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{path}: cannot be read: {error}", remedy="remove it or repair it") from None


def _titled(proposal: Proposal, path: Path) -> Proposal:
    if proposal.title != UNTITLED:
        return proposal
    return Proposal(_title(path), proposal.files, proposal.hypothesis, proposal.proposer, proposal.problem)


def _title(path: Path) -> str:
    words = _NUMBERED.sub("", path.stem).replace("-", " ").replace("_", " ")
    return sanitise_line(words, TITLE_CHARACTERS) or UNTITLED
