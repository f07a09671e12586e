"""How often and how long the model was away in a run, from the events alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from orchestrator.ledger.audit import Event


@dataclass(slots=True)
class Outages:
    """Folded from the log. One that a kill or the night's end cut short lasted until the last event before.

    A wall clock that jumps backwards makes such a one seem short, never negative.
    """

    count: int = 0
    seconds: float = 0.0
    _since: str = ""
    _latest: str = ""

    def apply(self, event: Event) -> None:
        """Add the next event."""
        name, time = event["event"], str(event.get("time", ""))
        if name == "model_came_back" and self._since:
            self._end(float(event.get("away_seconds", 0.0)))
        elif name in {"run_resumed", "night_ended"}:
            self._end(self._so_far(time if name == "night_ended" else self._latest))
        elif name == "model_went_away":
            self._end(self._so_far(self._latest))
            self.count, self._since = self.count + 1, time
        self._latest = time

    @property
    def seconds_so_far(self) -> float:
        """Those of an outage that goes on included."""
        return self.seconds + self._so_far(self._latest)

    @property
    def is_away(self) -> bool:
        """Whether the model was away when the last event was written."""
        return bool(self._since)

    def _end(self, seconds: float) -> None:
        self.seconds, self._since = self.seconds + seconds, ""

    def _so_far(self, until: str) -> float:
        if not (self._since and until):
            return 0.0
        apart = datetime.fromisoformat(until) - datetime.fromisoformat(self._since)
        return max(apart.total_seconds(), 0.0)
