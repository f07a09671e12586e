"""What the dashboard's page is told of a story: its head, and a row for each attempt, in order of change.

Every text is made safe here; the page shows it as text alone.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any

from orchestrator.story import AttemptStory, Glimpse, Story
from orchestrator.text import sanitise_line
from orchestrator.views.answer import answer, needs
from orchestrator.views.page import outcome_of

MOST_ROWS = 1000
TITLE, REASON, NAME = 200, 400, 80


@dataclass(frozen=True, slots=True)
class Draft:
    """A glimpse as it will be sent: JSON of the head and of each changed row."""

    head: bytes
    rows: Mapping[int, bytes]
    fresh: bool

    @classmethod
    def of(cls, glimpse: Glimpse) -> Draft:
        """The newest attempts come first, so that a page has them first."""
        story = glimpse.story
        numbers = reversed(glimpse.changed)
        rows = {number: encode(row_of(story.attempt(number))) for number in numbers}
        return cls(encode(head_of(story)), rows, glimpse.fresh)


@dataclass(frozen=True, slots=True)
class Update:
    """What one page still lacks: rows, at most MOST_ROWS; it then stands at `version`."""

    version: int
    rows: Sequence[bytes]


class Board:
    """The whole of what pages are told, each row with the version of its last change.

    A page that is slow or was away asks from where it stands, so that nothing is kept for it here. `name`
    is another one after everything was told anew.
    """

    def __init__(self) -> None:
        self.name, self.head = "", b"{}"
        self._version = 0
        self._rows: dict[int, bytes] = {}
        self._changes: dict[int, int] = {}

    def take(self, draft: Draft) -> None:
        """Add what is new."""
        if draft.fresh:
            self.name, self._rows, self._changes = secrets.token_hex(4), {}, {}
        self.head = draft.head
        for number, row in draft.rows.items():
            self._version += 1
            self._rows[number] = row
            self._changes.pop(number, None)
            self._changes[number] = self._version

    def since(self, version: int) -> Update:
        """The next rows after a version, in the order of their changes."""
        later = list(takewhile(lambda number: self._changes[number] > version, reversed(self._changes)))
        numbers = later[: -MOST_ROWS - 1 : -1]
        reached = self._changes[numbers[-1]] if numbers else self._version
        return Update(reached, [self._rows[number] for number in numbers])


def encode(value: object) -> bytes:
    """JSON on one line of ASCII."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def head_of(story: Story) -> dict[str, Any]:
    """What stands above the table: the answer, what needs a person, the metric, and how the run stands."""
    measure, chain = story.measure, story.chain
    return {
        "tag": sanitise_line(story.tag, NAME),
        "answer": answer(story),
        "needs": [sanitise_line(sentence, REASON) for sentence in needs(story)],
        "state": _state(story),
        "running": story.in_progress,
        "metric": sanitise_line(measure.unit or measure.name, NAME),
        "lower": story.lower_is_better,
        "noise": story.noise,
        "kept": story.kept,
        "events": chain.events if chain else 0,
        "head": sanitise_line(chain.head, 64) if chain else "",
    }


def _state(story: Story) -> str:
    if story.chain is None:
        return "a table of results"
    if story.in_progress:
        return "still running"
    reason = sanitise_line(story.sittings[-1].reason, TITLE) if story.sittings else ""
    return f"ended: {reason}" if reason else "not running"


def row_of(attempt: AttemptStory) -> dict[str, Any]:
    """One row of the table, and what the chart draws of it."""
    return {
        "n": attempt.number,
        "title": sanitise_line(attempt.title, TITLE),
        "outcome": sanitise_line(outcome_of(attempt), NAME),
        "value": attempt.value,
        "stderr": attempt.stderr,
        "runs": len(attempt.values),
        "verified": attempt.verified,
        "seconds": round(attempt.train_seconds, 1),
        "kind": sanitise_line(attempt.kind, NAME),
        "by": sanitise_line(attempt.proposer, NAME),
        "why": sanitise_line(_objections(attempt) or attempt.reason or attempt.problem, REASON),
        "base": attempt.base,
        "time": clock(attempt.opened_at),
    }


def _objections(attempt: AttemptStory) -> str:
    return "; ".join(str(objection) for objection in attempt.objections)


def clock(time: datetime | None) -> str:
    """A time in UTC to the second; empty without one."""
    return f"{time:%Y-%m-%d %H:%M:%S}" if time else ""
