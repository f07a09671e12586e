"""What a decision may rest on: an attempt's values, the best's, and those of the night before."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from orchestrator.deciding.night import Night, Sample
from orchestrator.deciding.noise import pooled
from orchestrator.records import Curve, Direction, Files


@dataclass(frozen=True, slots=True)
class Evidence:
    """The best's number and values, the attempt's own, and every closed attempt; the best's are empty before
    the baseline is kept.

    Samples and the night hold losses: values with their sign turned where higher is better, so that lower is
    better in every rule. What people see are values.
    """

    best_number: int | None = None
    best: Sample = field(default_factory=Sample)
    candidate: Sample = field(default_factory=Sample)
    night: Night = field(default_factory=Night)
    best_progress: Curve = ()
    direction: Direction = Direction.MINIMIZE

    @property
    def best_value(self) -> float | None:
        """The mean of the best's runs so far."""
        return self.direction.loss(self.best.mean) if self.best.values else None

    @property
    def value(self) -> float | None:
        """The mean of the attempt's own runs so far."""
        return self.direction.loss(self.candidate.mean) if self.candidate.values else None

    @property
    def noise(self) -> float | None:
        """The standard deviation of one run, from the repeats of every best; None before there are any."""
        found = pooled(self.night.bests)
        return found.deviation if found else None

    def and_then(self, value: float) -> Evidence:
        """The same after one more run of the attempt, measured at `value`."""
        sample = self.candidate
        values = (*sample.values, self.direction.loss(value))
        return replace(self, candidate=replace(sample, values=values, tried=sample.runs + 1))


def code_lines(files: Files) -> int:
    """Lines that hold more than a comment: what the simplicity criterion counts."""
    lines = (line.strip() for text in files.values() for line in text.splitlines())
    return sum(1 for line in lines if line and not line.startswith("#"))
