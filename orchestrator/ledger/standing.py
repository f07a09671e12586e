"""Where a run stands: its log read as far as it goes, by the index where there is one that holds."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.errors import LedgerError
from orchestrator.ledger.audit import KEEP_A_COPY, Event, Reading, check_alone, read_lines
from orchestrator.ledger.index import Summaries, nothing, read_index, summary_of
from orchestrator.ledger.state import State, fold


class Lines:
    """The whole events of a log, by their numbers; `ends` says where each line ends."""

    def __init__(self, log: Path, ends: list[int]) -> None:
        self._log, self._ends = log, ends

    def append(self, end: int) -> None:
        self._ends.append(end)

    def event(self, seq: int) -> Event:
        """One event, whole. Raises LedgerError when the line is not what was written there."""
        start = self._ends[seq - 2] if seq > 1 else 0
        try:
            with self._log.open("rb") as file:
                file.seek(start)
                data = file.read(self._ends[seq - 1] - start)
        except OSError as error:
            message = f"{self._log.name} cannot be read: {error.strerror}"
            raise LedgerError(message, remedy=KEEP_A_COPY) from error
        return check_alone(data, self._log, seq)


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of a run, how far its log was read, its lines, what was believed of its index, and what that
    lacks."""

    state: State
    reading: Reading
    lines: Lines
    index: Summaries
    beyond: bytearray = field(default_factory=bytearray)


def read_standing(folder: Path, *, indexing: bool = False) -> Standing:
    """Read a run's log; `indexing` asks for the lines that its index lacks.

    Raises LedgerError when the log is damaged, and changes nothing.
    """
    with without_collector():
        index = read_index(folder)
        try:
            return _go_on(folder / "audit.jsonl", index, indexing=indexing)
        except (LedgerError, LookupError, TypeError, ValueError):
            if not index.events:
                raise
        return _go_on(folder / "audit.jsonl", nothing(), indexing=indexing)  # the index may be to blame


@contextmanager
def without_collector() -> Iterator[None]:
    """What is read here stays, and holds no cycles: looking through it for some takes half of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _go_on(log: Path, index: Summaries, *, indexing: bool) -> Standing:
    standing = Standing(fold(index.events), Reading(), Lines(log, list(index.ends)), index)
    state, reading, lines = standing.state, standing.reading, standing.lines
    if index.events:
        reading.events, reading.good_bytes = len(index.ends), index.ends[-1]
        reading.head = lines.event(reading.events)["hash"]
    for line in read_lines(log, reading, curves=False):
        summary = summary_of(line.event)
        state.apply(summary)
        lines.append(reading.good_bytes)
        if indexing:
            standing.beyond.extend(index.seal.line_of(line, summary))
    return standing
