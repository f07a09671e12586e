"""Which events of a log somebody asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from orchestrator.ledger.audit import Event


@dataclass(frozen=True, slots=True)
class Query:
    """What an event must be to be shown; what is empty asks for nothing.

    An attempt's events include the runs of the best beside it. `outcomes` are a status, a run's outcome or
    what was decided. `since` counts, `until` does not. `text` may stand anywhere, whatever its case.
    """

    attempts: frozenset[int] = frozenset()
    events: frozenset[str] = frozenset()
    outcomes: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""

    def matches(self, event: Event) -> bool:
        return (
            (not self.events or event["event"] in self.events)
            and (not self.attempts or not self.attempts.isdisjoint(attempts_of(event)))
            and (not self.outcomes or not self.outcomes.isdisjoint(_outcomes(event)))
            and self._in_time(event)
            and (not self.text or self.text.casefold() in json.dumps(event, ensure_ascii=False).casefold())
        )

    def _in_time(self, event: Event) -> bool:
        if self.since is None and self.until is None:
            return True
        time = datetime.fromisoformat(event["time"])
        return (self.since is None or time >= self.since) and (self.until is None or time < self.until)


def attempts_of(event: Event) -> Iterator[int]:
    """The attempts that an event is about: its own, and the one that a run was made for."""
    for name in ("number", "serving"):
        if isinstance(event.get(name), int):
            yield event[name]


def _outcomes(event: Event) -> Iterator[str]:
    yield str(event.get("status", ""))
    yield str(event.get("action", ""))
    run = event.get("run")
    if isinstance(run, dict):
        yield str(run.get("outcome", ""))
