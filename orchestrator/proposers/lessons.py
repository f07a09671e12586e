"""What the history teaches about the constants: configurations and how bad they were.

A crash, a time-out or a refusal is told as a completed trial that is worse than everything measured. Optuna's
TPE leaves failed trials out of its model, so it would walk into the same wall again; as the worst value they
enter the density of bad places. They count only when the rest of the source is one that has been scored:
what a structural edit broke says nothing of the constants in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.proposers.constants import Number, Reading, read_constants
from orchestrator.records import Direction, Entry, History

MAX_LESSONS = 120
BEST_KEPT = 30


@dataclass(frozen=True, slots=True)
class Lesson:
    """One configuration, complete in the names of the best source, and its value; lower is better."""

    values: Mapping[str, Number]
    value: float
    failed: bool


def learn(
    history: History,
    best: Reading,
    entry_file: str,
    *,
    gpu: bool,
    direction: Direction = Direction.MINIMIZE,
) -> tuple[Lesson, ...]:
    """The lessons that bear on the best source's constants, oldest first, trimmed to keep a call short."""
    entries = _trimmed([_as_loss(entry, direction) for entry in history.entries])
    readings = {entry.number: read_constants(entry.files.get(entry_file, ""), gpu=gpu) for entry in entries}
    scored = [entry for entry in entries if entry.value is not None]
    known = {readings[entry.number].skeleton for entry in scored} | {best.skeleton}
    bad = _worse_than_all(scored)
    return tuple(
        Lesson(
            _complete(readings[entry.number], best),
            bad if entry.value is None else entry.value,
            entry.value is None,
        )
        for entry in entries
        if entry.value is not None or readings[entry.number].skeleton in known
    )


def _as_loss(entry: Entry, direction: Direction) -> Entry:
    return entry if entry.value is None else replace(entry, value=direction.loss(entry.value))


def _trimmed(entries: Sequence[Entry]) -> list[Entry]:
    """The best ones and the newest ones, in order."""
    recent = entries[-MAX_LESSONS + BEST_KEPT :]
    older = [entry for entry in entries[: -MAX_LESSONS + BEST_KEPT] if entry.value is not None]
    top = sorted(older, key=lambda entry: entry.value or 0.0)[:BEST_KEPT]
    return sorted([*top, *recent], key=lambda entry: entry.number)


def _worse_than_all(scored: Sequence[Entry]) -> float:
    values = [entry.value for entry in scored if entry.value is not None]
    if not values:
        return 1.0
    worst, best = max(values), min(values)
    return worst + max(worst - best, 0.01 * abs(worst), 1e-6)


def _complete(reading: Reading, best: Reading) -> dict[str, Number]:
    found = reading.values
    return {name: found.get(name, value) for name, value in best.values.items()}
