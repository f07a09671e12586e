"""What the report shows of a story, in order and bounded: long tables keep their newest rows and say so."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Generic, TypeVar

from orchestrator.records import Usage
from orchestrator.story import FLAGS_EVENT, AttemptStory, Happening, Story
from orchestrator.text import sanitise_block, sanitise_line

MOST_ROWS = 100
MOST_ATTEMPTS = 500
MOST_DIFFS = 40
OPEN_DIFFS = 8
DIFF_LINES = 400
DIFF_CHARACTERS = 300
DIFF_BYTES = 64 * 1024
_TOLD_ELSEWHERE = frozenset({"night_began", "night_ended", FLAGS_EVENT})

T = TypeVar("T")
DiffOf = Callable[[AttemptStory], str]


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """The newest rows of a table, and how many there are in all."""

    rows: Sequence[T]
    total: int

    @property
    def cut(self) -> bool:
        return len(self.rows) < self.total


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a diff; `kind` is added, removed, place or same."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A kept change: its gain over the best before, and what was spent since that one was kept."""

    attempt: AttemptStory
    error: float
    gain: float | None
    attempts: int
    train_seconds: float
    seconds: float | None
    usage: Usage
    diff: tuple[DiffLine, ...] | None


@dataclass(frozen=True, slots=True)
class Page:
    """Everything on the page that is reckoned from the story."""

    kept: Listing[KeptRow]
    held: Listing[tuple[AttemptStory, tuple[DiffLine, ...]]]
    suspicious: Listing[AttemptStory]
    refused: Listing[AttemptStory]
    failed: Listing[AttemptStory]
    attempts: Listing[AttemptStory]
    happenings: Listing[Happening]
    outcomes: Sequence[tuple[str, int]]
    objections: Sequence[tuple[str, int]]
    per_keep: Sequence[tuple[str, str]]


def build_page(story: Story, diff_of: DiffOf) -> Page:
    """The page of a story; `diff_of` is asked for the newest kept and held changes alone."""
    attempts = story.attempts
    closed = [each for each in attempts if each.action is not None]
    without = [each for each in closed if each.value is None]
    refused = [each for each in without if each.status == "refused"]
    suspicious = [each for each in without if each.status == "unscored"]
    failed = [each for each in without if each.status not in {"refused", "unscored"} and not each.moved_on]
    held = _newest([each for each in attempts if each.held], MOST_DIFFS)
    besides = [each for each in story.happenings if each.event not in _TOLD_ELSEWHERE]
    return Page(
        kept=_kept(story, diff_of),
        held=Listing([(each, diff_lines(diff_of(each))) for each in held.rows], held.total),
        suspicious=_newest(suspicious),
        refused=_newest(refused),
        failed=_newest(failed),
        attempts=_newest(attempts, MOST_ATTEMPTS),
        happenings=_newest(besides),
        outcomes=_counted(outcome_of(each) for each in attempts),
        objections=_counted(objection.code for each in refused for objection in each.objections),
        per_keep=tuple(_per_keep(story)),
    )


def outcome_of(attempt: AttemptStory) -> str:
    """One word for what became of an attempt: what was decided where it has a value, else why it has none."""
    if attempt.action is None:
        return "open"
    if attempt.held or attempt.value is not None:
        return attempt.action.value
    return {"unscored": "no score"}.get(attempt.status, attempt.status.replace("_", " "))


def diff_lines(diff: str) -> tuple[DiffLine, ...]:
    """A diff as lines that are safe to show, at most DIFF_LINES of DIFF_CHARACTERS each."""
    lines = sanitise_block(diff, DIFF_BYTES).splitlines()
    shown = [DiffLine(_kind(line), _shortened(line)) for line in lines[:DIFF_LINES]]
    if len(lines) > DIFF_LINES:
        shown.append(DiffLine("place", f"[{len(lines) - DIFF_LINES} more lines]"))
    return tuple(shown)


def _shortened(line: str) -> str:
    return line if len(line) <= DIFF_CHARACTERS else line[: DIFF_CHARACTERS - 1] + "…"


def _kind(line: str) -> str:
    if line.startswith(("+++", "---", "@@", "diff ", "index ")):
        return "place"
    return {"+": "added", "-": "removed"}.get(line[:1], "same")


def _newest(rows: Sequence[T], most: int = MOST_ROWS) -> Listing[T]:
    return Listing(rows[max(len(rows) - most, 0) :], len(rows))


def _counted(words: Iterable[str]) -> list[tuple[str, int]]:
    return [(sanitise_line(word, 60), count) for word, count in Counter(words).most_common()]


def _kept(story: Story, diff_of: DiffOf) -> Listing[KeptRow]:
    pairs = list(pairwise([story.attempt(number) for number in story.kept]))
    shown = _newest(pairs)
    first_with_diff = len(shown.rows) - MOST_DIFFS
    rows = [
        _kept_row(story, before, kept, diff_of if place >= first_with_diff else None)
        for place, (before, kept) in enumerate(shown.rows)
    ]
    return Listing(rows, shown.total)


def _kept_row(story: Story, before: AttemptStory, kept: AttemptStory, diff_of: DiffOf | None) -> KeptRow:
    between = story.attempts[before.number : kept.number]
    times = before.closed_at, kept.closed_at
    return KeptRow(
        attempt=kept,
        error=story.error_of(kept),
        gain=story.gain(kept, before),
        attempts=len(between),
        train_seconds=math.fsum(each.train_seconds for each in between),
        seconds=(times[1] - times[0]).total_seconds() if times[0] and times[1] else None,
        usage=sum((each.usage for each in between), Usage()),
        diff=diff_lines(diff_of(kept)) if diff_of else None,
    )


def _per_keep(story: Story) -> Iterator[tuple[str, str]]:
    """What one kept change cost on average; nothing without one."""
    count = len(story.improvements)
    if not count:
        return
    trained = math.fsum(each.train_seconds for each in story.attempts)
    yield "attempts", f"{(len(story.attempts) - 1) / count:.1f}"
    if story.seconds:
        yield "minutes", f"{story.seconds / 60 / count:.1f}"
    if trained:
        yield "minutes of training", f"{trained / 60 / count:.1f}"
    if story.usage.tokens:
        yield "tokens", f"{story.usage.tokens / count:,.0f}"
    if story.usage.dollars is not None:
        yield "dollars", f"{story.usage.dollars / count:.2f}"


def summary_of(fields: Any, most: int = 300) -> str:
    """The fields of an event as one safe line."""
    return sanitise_line(", ".join(f"{key}: {value}" for key, value in fields.items()), most)
