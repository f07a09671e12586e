"""The audit log: append-only JSON lines, fsynced, each holding the hash of the one before (see README.md).

A line is written in canonical JSON and hashed by its own bytes, so that nobody has to write it anew to check
it. The wall clock is only shown: a time that jumps backwards is no damage.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
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
START_AGAIN = "start the run again, with free space on the disk of its folder: it goes on"
KEEP_A_COPY = "keep a copy of the run folder; a run with a damaged record cannot go on, start a new tag"


def utc_now() -> datetime:
    """The wall clock, for display only."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Reading:
    """How far a log was read and what that adds up to: where to go on, and what the next line must follow.

    `torn_bytes` counts an incomplete last line, which is no damage.
    """

    events: int = 0
    head: str = GENESIS
    good_bytes: int = 0
    torn_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One checked line: its event, and its bytes with the newline."""

    event: Event
    data: bytes


def verify(path: Path) -> Reading:
    """Check every line of a log. Raises LedgerError with the first broken line's number and why."""
    reading = Reading()
    for _ in read_lines(path, reading, curves=False):
        pass
    return reading


def read_events(path: Path) -> Iterator[Event]:
    """The log's events in order, checked as they are read; an incomplete last line is left out.

    Raises LedgerError as `verify` does.
    """
    return (line.event for line in read_lines(path, Reading()))


def read_lines(path: Path, reading: Reading, *, curves: bool = True) -> Iterator[Line]:
    """Go on reading a log, and check each line; `reading` is kept up to date. Raises LedgerError.

    Without curves every `progress` comes back empty: its numbers are most of the work, and the hash vouches
    for them.
    """
    refuse_link(path)
    try:
        with path.open("rb") as file:
            file.seek(reading.good_bytes)
            for data in file:
                if not data.endswith(b"\n"):
                    reading.torn_bytes = len(data)
                    return
                event = _checked(data[:-1], path, reading, curves=curves)
                reading.events, reading.head = reading.events + 1, event["hash"]
                reading.good_bytes += len(data)
                yield Line(event, data)
    except OSError as error:
        raise LedgerError(f"{path.name} cannot be read: {error.strerror}", remedy=KEEP_A_COPY) from error


_POINT = rb"\[-?\d[\d.eE+-]*,-?\d[\d.eE+-]*\]"
_CURVE = re.compile(rb'"progress":\[' + _POINT + rb"(?:," + _POINT + rb")*\]")
_NO_CURVE = b'"progress":[]'


def _checked(line: bytes, path: Path, reading: Reading, *, curves: bool) -> Event:
    problem, event = _judge(line, reading, curves=curves)
    if problem:
        raise LedgerError(f"{path.name} line {reading.events + 1}: {problem}", remedy=KEEP_A_COPY)
    return event


def _judge(line: bytes, reading: Reading, *, curves: bool = True) -> tuple[str, Event]:
    try:
        event = json.loads(line if curves else _CURVE.sub(_NO_CURVE, line))
    except (ValueError, RecursionError):
        return "is not JSON", {}
    if not isinstance(event, dict) or not event.keys() >= RESERVED:
        return "is not a record", {}
    if event["prev"] != reading.head or event["seq"] != reading.events + 1:
        return "does not follow from the line before it", {}
    if event["hash"] != digest(line, event["hash"]):
        return "was changed: its hash does not match", {}
    return "", event


def check_alone(data: bytes, path: Path, seq: int) -> Event:
    """One line of a log that was checked before, whole. Raises LedgerError when it has changed since."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        event: Event = json.loads(data)
        if event["seq"] == seq and event["hash"] == digest(data[:-1], event["hash"]):
            return event
    raise LedgerError(f"{path.name} line {seq}: was changed since it was read", remedy=KEEP_A_COPY)


def digest(line: bytes, said: object) -> str:
    """The SHA-256 of a line's bytes without the member `hash`, of which the line says that it is this.

    No member within another one can pass for it: it would hold the hash of a text that holds this hash.
    """
    before, _, after = line.partition(f'"hash":"{said}",'.encode())
    return hashlib.sha256(before + after).hexdigest()


_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False, check_circular=False
).encode


def canonical(value: object) -> bytes:
    """Plain JSON with sorted keys, without spaces, in ASCII; empty for what cannot be written so."""
    try:
        return _encode(value).encode("ascii")
    except (TypeError, ValueError, RecursionError):
        return b""


class AuditLog:
    """One process's log, opened for appending.

    Opening cuts off an incomplete last line, which is kept beside the log as `audit.torn-N`. Any other
    damage raises LedgerError with the line's number, and nothing is touched. A log that was read just now,
    by this very process, is not read again.
    """

    def __init__(self, path: Path, *, clock: Clock = utc_now, read: Reading | None = None) -> None:
        self._path, self._clock = path, clock
        self._lock = threading.Lock()
        self._broken = ""
        reading = read or (verify(path) if path.exists() else Reading())
        self.head, self.count = reading.head, reading.events
        self.torn_bytes = reading.torn_bytes
        self.size = reading.good_bytes
        self._fd = _open_for_appending(path)
        if reading.torn_bytes:
            self._cut_torn_line()

    def append(self, event: str, /, **fields: Any) -> Line:
        """Add one record, durable on return; returns it as it is read back, without curves.

        Raises LedgerError when it cannot be written; the log is then as it was before. Raises ValueError
        for fields that are not plain finite JSON or that bear a reserved name.
        """
        if RESERVED & fields.keys():
            raise ValueError(f"reserved field: {sorted(RESERVED & fields.keys())[0]}")
        with self._lock:
            time = self._clock().astimezone(UTC).isoformat(timespec="milliseconds")
            record = {"seq": self.count + 1, "time": time, "event": event, **fields, "prev": self.head}
            line = self._line(record)
            self._write(line.data)
            self.head, self.count = line.event["hash"], self.count + 1
            self._broken = ""
            return line

    def close(self) -> None:
        """Let go of the file: a later append raises LedgerError."""
        with self._lock:
            self._broken = self._broken or f"{self._path.name} is closed"
            os.close(self._fd)

    def _line(self, record: Event) -> Line:
        own = hashlib.sha256(canonical(record)).hexdigest()
        data = canonical({**record, "hash": own})
        before = Reading(self.count, self.head)
        problem, event = _judge(data, before)
        if problem or canonical(event) != data:
            raise ValueError(f"the fields of {record['event']} are not plain finite JSON")
        return Line(_judge(data, before, curves=False)[1], data + b"\n")

    def _write(self, line: bytes) -> None:
        if self._broken:
            raise LedgerError(self._broken, remedy=START_AGAIN)
        self._broken = f"a write to {self._path.name} was interrupted"  # stays if one by Ctrl-C is
        try:
            write_all(self._fd, line)
            os.fsync(self._fd)
        except OSError as error:
            self._broken = self._take_back()
            message = f"{self._path.name} cannot be written: {error.strerror}"
            raise LedgerError(message, remedy=FREE_SPACE) from error
        self.size += len(line)

    def _take_back(self) -> str:
        """Why nothing can be added any more; empty when the line is gone."""
        try:
            os.ftruncate(self._fd, self.size)
            os.fsync(self._fd)
        except OSError as error:
            return f"{self._path.name} may end in a torn line: {error.strerror}"
        return ""

    def _cut_torn_line(self) -> None:
        torn = os.pread(self._fd, self.torn_bytes, self.size)
        write_whole(_free_name(self._path.parent), torn)
        os.ftruncate(self._fd, self.size)
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
