"""Looks at a run from outside, without taking it up: safe while another process writes it."""

from __future__ import annotations

import fcntl
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.errors import LedgerError
from orchestrator.ledger.facts import entry_from
from orchestrator.ledger.outages import Outages
from orchestrator.ledger.standing import read_standing
from orchestrator.ledger.state import State
from orchestrator.records import Action, Entry, Measure, Spent


@dataclass(frozen=True, slots=True)
class Summary:
    """Every closed attempt in order, without its files, whether a process holds the run, and its metric.

    `holdouts` has the mean holdout value of each kept attempt that has one; `still_open` are the attempts
    that the next start goes on with. `spent` and `outages` are the model's, over the whole run.
    """

    entries: tuple[Entry, ...]
    in_progress: bool
    measure: Measure
    holdouts: Mapping[int, float] = field(default_factory=dict)
    still_open: tuple[int, ...] = ()
    spent: Spent = field(default_factory=Spent)
    outages: Outages = field(default_factory=Outages)


def read_run(folder: Path) -> Summary:
    """Raises LedgerError when the log is damaged."""
    state = read_standing(folder).state
    if not state.created:
        raise LedgerError("audit.jsonl is empty: the run has not begun", remedy="start it once more")
    entries = tuple(entry_from(state, number, {}) for number in state.closed)
    holdouts = {
        entry.number: math.fsum(values) / len(values)
        for entry in entries
        if entry.action is Action.KEEP and (values := _holdouts(state, entry.number))
    }
    return Summary(
        entries=entries,
        in_progress=is_held(folder / "lock"),
        measure=state.measure,
        holdouts=holdouts,
        still_open=tuple(state.still_open),
        spent=state.spent,
        outages=state.outages,
    )


def _holdouts(state: State, number: int) -> list[float]:
    found = ((event["score"] or {}).get("holdout") or {} for event in state.runs_of(number))
    return [float(holdout["value"]) for holdout in found if holdout.get("value") is not None]


def is_held(lock: Path) -> bool:
    """Whether a process holds the lock of a run folder."""
    if not lock.exists():
        return False
    with lock.open("rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
