"""Looks at a run from outside, without taking it up: safe while another process writes it."""

from __future__ import annotations

import fcntl
from dataclasses import dataclass
from pathlib import Path

from orchestrator.ledger.audit import read_events
from orchestrator.ledger.facts import entry_from
from orchestrator.ledger.state import fold
from orchestrator.records import Entry, Measure


@dataclass(frozen=True, slots=True)
class Summary:
    """Every closed attempt in order, without its files, whether a process holds the run, and its metric."""

    entries: tuple[Entry, ...]
    in_progress: bool
    measure: Measure


def read_run(folder: Path) -> Summary:
    """Raises LedgerError when the log is damaged."""
    state = fold(read_events(folder / "audit.jsonl"))
    entries = tuple(entry_from(state.opened[n], state.closed[n], {}, "") for n in state.closed)
    return Summary(entries, _is_held(folder / "lock"), state.measure)


def _is_held(lock: Path) -> bool:
    if not lock.exists():
        return False
    with lock.open("rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
