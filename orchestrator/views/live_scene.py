"""What a live screen shows: frozen records, and how the standing of a night is read from its history."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from orchestrator.records import Action, Decision, History, Measure, Spent
from orchestrator.views.console import best_line

SHOWN_DECISIONS = 3
SHOWN_SCORES = 60


@dataclass(frozen=True, slots=True)
class Terms:
    """What does not change during a night; `memory_mib` is the whole card's, 0 where it is not known."""

    train_seconds: float
    device: str
    measure: Measure
    memory_mib: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """What is read from the clocks when the screen is drawn. `went` is when the run in progress was told to
    go, on the monotonic clock; None before and after it."""

    now: float
    went: float | None = None
    seconds_left: float = math.inf
    slots_left: float = math.inf


@dataclass(frozen=True, slots=True)
class OnCard:
    """The attempt that has the card. `trained_seconds` is 0 until its training is over; `again` says what was
    measured last, where it is measured more than once."""

    number: int
    title: str
    since: float
    seed: int
    trained_seconds: float = 0.0
    again: str = ""


@dataclass(frozen=True, slots=True)
class Coming:
    """What is prepared beside it; `number` is 0 until it is an attempt."""

    words: str
    since: float
    number: int = 0
    title: str = ""


@dataclass(frozen=True, slots=True)
class CardSeen:
    """The card as it was after the last run."""

    celsius: int | None
    used_mib: int | None


@dataclass(frozen=True, slots=True)
class Mark:
    """One closed attempt of the sparkline; `value` is None where it has none."""

    value: float | None
    kept: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the night stands, one sentence and its scores."""

    sentence: str = ""
    noise: float | None = None
    marks: tuple[Mark, ...] = ()
    train_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Scene:
    """The whole picture but for the clocks."""

    on_card: OnCard | None = None
    coming: Coming | None = None
    standing: Standing = Standing()
    decisions: tuple[tuple[int, Decision], ...] = ()
    spent: Spent = field(default_factory=Spent)
    card: CardSeen | None = None


def standing_of(history: History, measure: Measure) -> Standing:
    """The sentence, the noise and the latest scores."""
    entries = history.entries
    return Standing(
        best_line(entries, measure.unit),
        history.noise,
        tuple(Mark(entry.value, entry.action is Action.KEEP) for entry in entries[-SHOWN_SCORES:]),
        math.fsum(entry.train_seconds for entry in entries),
    )
