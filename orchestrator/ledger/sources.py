"""The files of each commit, read from the repository when somebody looks at them."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice

from orchestrator.ledger.repo import BareRepo
from orchestrator.ledger.state import State
from orchestrator.records import Files

BATCH = 64
KEPT = 4096  # of some 12 KB each


class Sources:
    """The files of commits: the latest that were asked for stay, the others are read again.

    A batch is read at once, since whoever looks at one attempt mostly looks at the next ones too; what was
    read once keeps its digest, so that it can be compared without being read again. Raises LedgerError when
    an object is missing or damaged. Safe to use from several threads.
    """

    def __init__(self, state: State, repo: BareRepo) -> None:
        self._state, self._repo = state, repo
        self._held: OrderedDict[str, Files] = OrderedDict()
        self._digests: dict[str, bytes] = {}
        self._turn = threading.Lock()

    def __getitem__(self, commit: str) -> Files:
        with self._turn:
            if commit not in self._held:
                self._read([commit, *self._following(commit)])
            self._held.move_to_end(commit)
            return self._held[commit]

    def __setitem__(self, commit: str, files: Files) -> None:
        with self._turn:
            self._hold(commit, files)

    def read(self, commits: Iterable[str]) -> None:
        """Read these at once, for those who ask soon."""
        with self._turn:
            self._read(commits)

    def of(self, commit: str) -> Files:
        """The files of a commit that are read when they are looked at."""
        return _Source(self, commit)

    def digest(self, commit: str) -> bytes:
        """What two commits have in common exactly when their files are the same."""
        with self._turn:
            if commit not in self._digests:
                self._read([commit, *self._following(commit)])
            return self._digests[commit]

    def _following(self, commit: str) -> Iterator[str]:
        number = self._state.numbers.get(commit, 0)
        numbers = range(number + 1, len(self._state.opened) + 1) if number else range(0)
        commits = (str(self._state.opened[following]["commit"]) for following in numbers)
        return islice(commits, BATCH - 1)

    def _read(self, commits: Iterable[str]) -> None:
        for commit, files in self._repo.read_commits(set(commits) - self._held.keys()).items():
            self._hold(commit, files)

    def _hold(self, commit: str, files: Files) -> None:
        self._held[commit] = files
        if commit not in self._digests:
            self._digests[commit] = digest_of(files)
        while len(self._held) > KEPT:
            self._held.popitem(last=False)


def digest_of(files: Files) -> bytes:
    """SHA-256 over paths and texts. The last one is remembered, since one is held against a whole night."""
    return _digest_of(tuple(sorted(files.items())))


@lru_cache(maxsize=1)
def _digest_of(files: tuple[tuple[str, str], ...]) -> bytes:
    return hashlib.sha256(json.dumps(files).encode()).digest()


class _Source(Mapping[str, str]):
    """The files of one commit."""

    def __init__(self, sources: Sources, commit: str) -> None:
        self._sources, self._commit = sources, commit

    def __getitem__(self, path: str) -> str:
        return self._sources[self._commit][path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources[self._commit])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        theirs = other.digest if isinstance(other, _Source) else digest_of(other)
        return self.digest == theirs

    __hash__ = None  # type: ignore[assignment]  # as a dictionary's

    @property
    def digest(self) -> bytes:
        return self._sources.digest(self._commit)

    def __len__(self) -> int:
        return len(self._sources[self._commit])

    def __repr__(self) -> str:
        return f"<the files of {self._commit:.7}>"
