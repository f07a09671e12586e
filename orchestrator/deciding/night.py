"""What the rule is told: plain frozen values that a ledger can rebuild from its log."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """The values that one source was measured at, each with a seed of its own, and its lines of code.

    `tried` counts the runs that gave no value too; it is never less than the number of values.
    """

    values: tuple[float, ...] = ()
    lines: int = 0
    tried: int = 0

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) for value in self.values):
            raise ValueError("a measured value is finite")

    @property
    def runs(self) -> int:
        """Runs spent, with or without a value."""
        return max(self.tried, len(self.values))

    @property
    def mean(self) -> float:
        return math.fsum(self.values) / len(self.values)


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed attempt: its values until then, whether it was kept, and the probability it was kept with.

    `best` says which of the night's bests it was compared with; None for a baseline.
    """

    values: tuple[float, ...]
    kept: bool
    probability: float | None = None
    best: int | None = None

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) for value in self.values):
            raise ValueError("a measured value is finite")


@dataclass(frozen=True, slots=True)
class Night:
    """Every closed attempt in order, and every value of each best, later repeats included, in order.

    The last of `bests` is the present one; `judge` takes its values from its own argument.
    """

    attempts: tuple[Closed, ...] = ()
    bests: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        if sum(attempt.kept for attempt in self.attempts) != len(self.bests):
            raise ValueError("a night has as many bests as keeps")
