"""The table of past attempts: a row each, and under it what was changed, as far as there is room.

Rows stand in the order of the attempts and are only ever added at the end, so that what an endpoint has read
once it need not read again; what there is no room for goes in blocks of BLOCK attempts, for the same reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby, islice

from orchestrator.breadth import near_misses
from orchestrator.changes import Change, change_of
from orchestrator.proposers.tokens import count_tokens
from orchestrator.proposers.traces import sanitise_end
from orchestrator.records import Action, Direction, Entry, History
from orchestrator.text import sanitise_line

ROW_TITLE_CHARACTERS = 120
RECENT = 10
POOL = 40
BLOCK = 20
CHANGED_LINES = 24
LINE_CHARACTERS = 140
CHANGE_BLOCKS = 10


def quoted(title: str) -> str:
    """A title as one JSON string, which cannot pass for anything else."""
    return json.dumps(sanitise_line(title, ROW_TITLE_CHARACTERS), ensure_ascii=False)


def result_of(entry: Entry) -> str:
    """What became of an attempt, in a word or two."""
    return entry.action.value if entry.status == "scored" else entry.status.replace("_", " ")


@dataclass(slots=True)
class Table:
    """Takes rows and changes while there is room; `room` is the tokens that are left."""

    history: History
    direction: Direction
    room: int
    _rows: dict[int, str] = field(default_factory=dict)
    _changes: dict[int, str] = field(default_factory=dict)
    _near: frozenset[int] = field(default=frozenset())
    cut_what_stays: bool = False

    def __post_init__(self) -> None:
        near = near_misses(self.history, self.direction)[:POOL]
        self._near = frozenset(entry.number for entry in near)

    def take_what_always_stays(self) -> bool:
        """Baseline, keeps, near misses, the RECENT newest; False when not even the baseline's row fits.

        Of keeps and near misses too many for the whole budget, the oldest are left out.
        """
        entries = self.history.entries
        keeps = [entry for entry in reversed(entries) if entry.action is Action.KEEP]
        near = [entry for entry in reversed(entries) if entry.number in self._near]
        newest = list(reversed(entries[-RECENT:]))
        for entry in [*entries[:1], *keeps, *near, *newest]:
            if not self._take_row(entry):
                self.cut_what_stays = True
                break
        return not entries or entries[0].number in self._rows

    def take_older_rows(self) -> None:
        """The other rows, newest block first, while a whole block fits."""
        for block in _blocks(self.history.entries):
            rows = {entry.number: self._row(entry) for entry in block if entry.number not in self._rows}
            if not self._take(self._rows, rows):
                return

    def take_changes(self, room: int) -> None:
        """What the near misses changed, then the others, newest block first, for at most so many tokens."""
        kept_back = self.room - min(room, self.room)
        self.room -= kept_back
        recent = islice(_blocks(self.history.entries), CHANGE_BLOCKS)
        near = [entry for entry in self.history.entries if entry.number in self._near]
        change = change_of(self.history, near)
        for block in [near, *recent]:
            wanted = (entry for entry in block if entry.number in self._rows.keys() - self._changes.keys())
            if not self._take(self._changes, {entry.number: shown_change(change(entry)) for entry in wanted}):
                break
        self.room += kept_back

    @property
    def rows_left_out(self) -> int:
        return len(self.history.entries) - len(self._rows)

    @property
    def changes_left_out(self) -> int:
        """Rows without their change; one that changed nothing has nothing to show."""
        return len(self._rows) - len(self._changes)

    def text(self, metric: str) -> str:
        """A header and the rows that were taken, each with its change."""
        if not self._rows:
            return "nothing was tried yet"
        lines = [f"number | {metric} | result | title"]
        for entry in self.history.entries:
            if entry.number in self._rows:
                lines += filter(None, [self._rows[entry.number], self._changes.get(entry.number, "")])
        return "\n".join(lines)

    def _take_row(self, entry: Entry) -> bool:
        return entry.number in self._rows or self._take(self._rows, {entry.number: self._row(entry)})

    def _take(self, into: dict[int, str], texts: dict[int, str]) -> bool:
        cost = sum(_tokens_of(text) + 1 for text in texts.values() if text)
        if cost > self.room:
            return False
        self.room -= cost
        into |= texts
        return True

    def _row(self, entry: Entry) -> str:
        value = "-" if entry.value is None else f"{entry.value:.6f}"
        result = "near miss" if entry.number in self._near else result_of(entry)
        return f"{entry.number} | {value} | {result} | {quoted(entry.title)}"


@lru_cache(maxsize=65_536)
def _tokens_of(text: str) -> int:
    """A row is counted once a night: counting is most of what a long table costs."""
    return count_tokens(text)


def _blocks(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Blocks of attempts whose numbers lie together, the newest block first."""
    for _, block in groupby(reversed(entries), key=lambda entry: entry.number // BLOCK):
        yield list(block)


def shown_change(change: Change, most: int = CHANGED_LINES) -> str:
    """The changed lines, indented so that none can pass for a row, at most so many of them."""
    lines = [*(f"- {line}" for line in change.removed), *(f"+ {line}" for line in change.added)]
    shown = [f"    {line[:2]}{sanitise_end(line[2:], LINE_CHARACTERS)}" for line in lines[:most]]
    more = [f"    ... {len(lines) - most} lines more"] if len(lines) > most else []
    return "\n".join([*shown, *more])
