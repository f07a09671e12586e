"""`audit.index`: a summary of each event beside the log, so that a long run is taken up without parsing it.

It is no part of the record: it may be deleted at any time, and a run goes on without it. Each line is
`[end,summary,"seal"],`: `end` is where the event's line ends in the log, the seal the SHA-256 of the kind of
summaries and of two digests, that of the log up to there and that of this file up to the seal. Only lines
whose last seal holds are believed; else the log itself is read, and the index made anew. So an index of
another log, a torn one, and one in which anything was changed alter nothing. A false one with a fitting seal
can only be made by somebody who could as well write the whole log anew; `audit verify` reads the log alone
and holds the index against it.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from orchestrator.ledger.audit import Event, Line, canonical
from orchestrator.ledger.disk import write_all

NAME = "audit.index"
_AFTER_THE_SEAL = b'"],\n'
_SEAL = 64
_KIND = b"summaries 2"  # goes into every seal: another number when a summary holds something else
_BLOCK = 1 << 20
_LEFT_OUT = frozenset({"prev", "hash", "tree", "prompt_sha256", "reply_sha256"})
_LEFT_OUT_OF_A_RUN = frozenset({"progress", "container", "result"})
_LEFT_OUT_OF_A_SCORE = frozenset({"details"})


def summary_of(event: Event) -> Event:
    """The event without what is long and seldom looked at; of a run's result only the claims are left."""
    summary = _without(event, _LEFT_OUT)
    if isinstance(run := event.get("run"), dict):
        summary["run"] = _without(run, _LEFT_OUT_OF_A_RUN)
        if isinstance(result := run.get("result"), dict):
            summary["run"]["result"] = {"claims": result.get("claims")}
    if isinstance(score := event.get("score"), dict):
        summary["score"] = _without(score, _LEFT_OUT_OF_A_SCORE)
    return summary


def _without(fields: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


class Seal:
    """What the next seal is made of: digests of the log and of the index, each as far as it was read."""

    def __init__(self) -> None:
        self._log, self._index = hashlib.sha256(), hashlib.sha256()
        self.log_bytes = 0

    def add_log(self, data: bytes) -> None:
        self._log.update(data)
        self.log_bytes += len(data)

    def add_index(self, data: bytes) -> None:
        self._index.update(data)

    def stamp(self) -> bytes:
        return hashlib.sha256(_KIND + self._log.digest() + self._index.digest()).hexdigest().encode()

    def line_of(self, line: Line, summary: Event) -> bytes:
        """The index's line for the log's next one."""
        self.add_log(line.data)
        body = b'[%d,%s,"' % (self.log_bytes, canonical(summary))
        self.add_index(body)
        sealed = self.stamp() + _AFTER_THE_SEAL
        self.add_index(sealed)
        return body + sealed


@dataclass(frozen=True, slots=True)
class Summaries:
    """What an index says: summaries in order, where the line of each ends in the log, and how to go on."""

    events: tuple[Event, ...]
    ends: tuple[int, ...]
    seal: Seal
    index_bytes: int


def nothing() -> Summaries:
    """What an index says that is not there."""
    return Summaries((), (), Seal(), 0)


def read_index(folder: Path) -> Summaries:
    """The index of a run as far as its last whole line, if that line's seal holds; else nothing."""
    try:
        with _opened(folder / NAME) as file, _opened(folder / "audit.jsonl") as log:
            limit = 2 * os.fstat(log.fileno()).st_size  # a summary is shorter than its event
            data = file.read(limit + 1)
            return _read(data[: data.rfind(b"\n") + 1], log) if len(data) <= limit else nothing()
    except (OSError, ValueError, TypeError, RecursionError):
        return nothing()


def _read(data: bytes, log: BinaryIO) -> Summaries:
    last = data.rfind(b"\n", 0, -1) + 1
    end, sealed = int(data[last + 1 : data.index(b",", last)]), len(data) - _SEAL - len(_AFTER_THE_SEAL)
    seal = Seal()
    while seal.log_bytes < end and (block := log.read(min(_BLOCK, end - seal.log_bytes))):
        seal.add_log(block)
    seal.add_index(data[:sealed])
    if seal.log_bytes != end or data[sealed:] != seal.stamp() + _AFTER_THE_SEAL:
        return nothing()
    seal.add_index(data[sealed:])
    ends, events, _ = zip(*json.loads(b"[" + data[:-2] + b"]"), strict=True)
    if not all(isinstance(event, dict) and {"event", "seq"} <= event.keys() for event in events):
        return nothing()
    return Summaries(events, ends, seal, len(data))


def _opened(path: Path) -> BinaryIO:
    return os.fdopen(_open(path, os.O_RDONLY), "rb")


def _open(path: Path, flags: int) -> int:
    """Open a file of ours. Raises OSError for a link, and for what is no file."""
    fd = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(f"{path.name} is not a file")
    return fd


class Index:
    """The index of a run that this process writes; gone on with as far as it was believed.

    What cannot be written is not missed: nothing is written to it any more, and the next start makes it anew.
    """

    def __init__(self, folder: Path, read: Summaries) -> None:
        self._seal, self._fd = read.seal, -1
        with suppress(OSError):
            self._fd = _open(folder / NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.ftruncate(self._fd, read.index_bytes)

    def add(self, line: Line, summary: Event) -> None:
        """Add the summary of the log's next line."""
        self.write(self._seal.line_of(line, summary))

    def write(self, data: bytes | bytearray) -> None:
        """Add lines that were made with the seal of what was read."""
        if self._fd < 0:
            return
        try:
            write_all(self._fd, bytes(data))
        except OSError:
            self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1
