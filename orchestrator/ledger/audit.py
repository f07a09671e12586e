"""The audit log: append-only JSON lines, fsynced, each holding the hash of the one before.

A record is `{"seq", "time", "event", ...fields, "prev", "hash"}` in canonical JSON; `hash` is the SHA-256
of the record without it, `prev` the hash of the line before (64 zeros at first), `seq` the line number.
The wall clock is only shown: a time that jumps backwards is no damage.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestrator.errors import LedgerError
from orchestrator.ledger.disk import (
    CHECK_PERMISSIONS,
    FREE_SPACE,
    refuse_link,
    sync_folder,
    write_all,
    write_whole,
)

GENESIS = "0" * 64
RESERVED = frozenset({"seq", "time", "event", "prev", "hash"})
Event = dict[str, Any]
Clock = Callable[[], datetime]
KEEP_A_COPY = "keep a copy of the run folder; a run with a damaged record cannot go on, start a new tag"


def utc_now() -> datetime:
    """The wall clock, for display only."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Report:
    """What a whole chain adds up to. `torn_bytes` counts an incomplete last line, which is no damage."""

    events: int
    head: str
    torn_bytes: int


def verify(path: Path) -> Report:
    """Check every line of a log. Raises LedgerError with the first broken line's number and why."""
    reading = _Reading()
    for _ in _read(path, reading):
        pass
    return Report(reading.count, reading.head, reading.torn_bytes)


def read_events(path: Path) -> Iterator[Event]:
    """The log's events in order, checked as they are read; an incomplete last line is left out.

    Raises LedgerError as `verify` does.
    """
    return _read(path, _Reading())


@dataclass(slots=True)
class _Reading:
    count: int = 0
    head: str = GENESIS
    good_bytes: int = 0
    torn_bytes: int = 0


def _read(path: Path, reading: _Reading) -> Iterator[Event]:
    refuse_link(path)
    try:
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    reading.torn_bytes = len(line)
                    return
                event = _checked(line[:-1], path, reading)
                reading.count, reading.head = reading.count + 1, event["hash"]
                reading.good_bytes += len(line)
                yield event
    except OSError as error:
        raise LedgerError(f"{path.name} cannot be read: {error.strerror}", remedy=KEEP_A_COPY) from error


def _checked(line: bytes, path: Path, reading: _Reading) -> Event:
    problem, event = _judge(line, reading)
    if problem:
        raise LedgerError(f"{path.name} line {reading.count + 1}: {problem}", remedy=KEEP_A_COPY)
    return event


def _judge(line: bytes, reading: _Reading) -> tuple[str, Event]:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return "is not JSON", {}
    if not isinstance(event, dict) or not event.keys() >= RESERVED:
        return "is not a record", {}
    if event["prev"] != reading.head or event["seq"] != reading.count + 1:
        return "does not follow from the line before it", {}
    if event["hash"] != digest(event):
        return "was changed: its hash does not match", {}
    if _canonical(event) != line:
        return "is not written in canonical form", {}
    return "", event


def digest(event: Event) -> str:
    """The SHA-256 of a record without its `hash`, in canonical JSON."""
    return hashlib.sha256(_canonical({k: v for k, v in event.items() if k != "hash"})).hexdigest()


_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False, check_circular=False
).encode


def _canonical(event: Event) -> bytes:
    try:
        return _encode(event).encode("ascii")
    except (TypeError, ValueError, RecursionError):
        return b""


class AuditLog:
    """One process's log, opened for appending.

    Opening cuts off an incomplete last line, which is kept beside the log as `audit.torn-N`. Any other
    damage raises LedgerError with the line's number, and nothing is touched.
    """

    def __init__(self, path: Path, *, clock: Clock = utc_now) -> None:
        self._path, self._clock = path, clock
        self._lock = threading.Lock()
        self._broken = ""
        reading = _Reading()
        if path.exists():
            for _ in _read(path, reading):
                pass
        self.head, self.count = reading.head, reading.count
        self.torn_bytes = reading.torn_bytes
        self._size = reading.good_bytes
        self._fd = _open_for_appending(path)
        if reading.torn_bytes:
            self._cut_torn_line()

    def append(self, event: str, /, **fields: Any) -> str:
        """Add one record, durable on return; returns its hash.

        Raises LedgerError when it cannot be written; the log is then as it was before. Raises ValueError
        for fields that are not plain finite JSON or that bear a reserved name.
        """
        if RESERVED & fields.keys():
            raise ValueError(f"reserved field: {sorted(RESERVED & fields.keys())[0]}")
        with self._lock:
            record: Event = {
                "seq": self.count + 1,
                "time": self._clock().astimezone(UTC).isoformat(timespec="milliseconds"),
                "event": event,
                **fields,
                "prev": self.head,
            }
            record["hash"] = digest(record)
            self._write(self._line(record))
            self.head, self.count = record["hash"], self.count + 1
            return self.head

    def events(self) -> Iterator[Event]:
        """Every event so far, read and checked anew."""
        return read_events(self._path)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)

    def _line(self, record: Event) -> bytes:
        line = _canonical(record)
        problem, _ = _judge(line, _Reading(self.count, self.head))
        if problem:
            raise ValueError(f"the fields of {record['event']} are not plain finite JSON")
        return line + b"\n"

    def _write(self, line: bytes) -> None:
        if self._broken:
            raise LedgerError(self._broken, remedy=FREE_SPACE)
        try:
            write_all(self._fd, line)
            os.fsync(self._fd)
        except OSError as error:
            self._take_back()
            message = f"{self._path.name} cannot be written: {error.strerror}"
            raise LedgerError(message, remedy=FREE_SPACE) from error
        self._size += len(line)

    def _take_back(self) -> None:
        try:
            os.ftruncate(self._fd, self._size)
            os.fsync(self._fd)
        except OSError as error:
            self._broken = f"{self._path.name} may end in a torn line: {error.strerror}"

    def _cut_torn_line(self) -> None:
        torn = os.pread(self._fd, self.torn_bytes, self._size)
        write_whole(_free_name(self._path.parent), torn)
        os.ftruncate(self._fd, self._size)
        os.fsync(self._fd)


def _open_for_appending(path: Path) -> int:
    created = not path.exists()
    try:
        fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        if created:
            sync_folder(path.parent)
    except OSError as error:
        remedy = FREE_SPACE if error.errno in {errno.ENOSPC, errno.EDQUOT} else CHECK_PERMISSIONS
        raise LedgerError(f"{path.name} cannot be opened: {error.strerror}", remedy=remedy) from error
    return fd


def _free_name(folder: Path) -> Path:
    number = 1
    while (folder / f"audit.torn-{number}").exists():
        number += 1
    return folder / f"audit.torn-{number}"
