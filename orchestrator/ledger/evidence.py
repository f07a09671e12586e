"""What a decision may rest on, kept up to date event by event."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Protocol

from orchestrator.deciding.evidence import Evidence, code_lines
from orchestrator.deciding.night import Closed, Night, Sample
from orchestrator.ledger.state import State
from orchestrator.records import Action, Curve, Files


class FilesOf(Protocol):
    """The files of each commit."""

    def __getitem__(self, commit: str) -> Files: ...


class Tally:
    """Every closed attempt that has a value, and every best with all of its values, in order.

    One that is held is left out: it is not known to be true, and would say that such gains are to be had.
    Only what came since it was last asked is looked at; values of a former best never change.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._attempts: list[Closed] = []
        self._kept: list[int] = []
        self._bests: list[tuple[float, ...]] = []
        self._seen = 0

    def night(self) -> Night:
        for number in islice(self._state.closed, self._seen, None):
            self._add(number)
            self._seen += 1
        if self._kept:
            self._bests[-1] = self.losses_of(self._kept[-1])
        return Night(tuple(self._attempts), tuple(self._bests))

    def losses_of(self, number: int) -> tuple[float, ...]:
        """What an attempt was measured at, lower being better."""
        return self._losses(self._state.values_of(number))

    def _add(self, number: int) -> None:
        event = self._state.closed[number]
        kept = event["action"] == Action.KEEP
        if event["values"] and event["action"] != Action.HOLD:
            best, probability = len(self._kept) - 1 if self._kept else None, event["facts"].get("probability")
            self._attempts.append(Closed(self._losses(event["values"]), kept, probability, best))
        if kept:
            if self._kept:
                self._bests[-1] = self.losses_of(self._kept[-1])
            self._kept.append(number)
            self._bests.append(self.losses_of(number))

    def _losses(self, values: Iterable[float]) -> tuple[float, ...]:
        return tuple(map(self._state.measure.direction.loss, values))


def evidence_of(tally: Tally, state: State, files: FilesOf, number: int | None, progress: Curve) -> Evidence:
    """The evidence for attempt `number`, or about the best alone; `progress` is the best's latest curve."""

    def sample(of: int | None) -> Sample:
        if of is None:
            return Sample()
        lines = code_lines(files[state.opened[of]["commit"]])
        return Sample(tally.losses_of(of), lines, len(state.runs_of(of)))

    best = state.best_number
    return Evidence(best, sample(best), sample(number), tally.night(), progress, state.measure.direction)
