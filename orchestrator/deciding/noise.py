"""The noise of one measurement: the scatter of what was measured more than once.

Measurements are true values plus independent normal noise of one standard deviation, the same for every
attempt of a night; fresh seeds make them independent.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Noise:
    """The standard deviation of one measurement, known from this many degrees of freedom."""

    deviation: float
    degrees: int

    def __post_init__(self) -> None:
        if not (math.isfinite(self.deviation) and self.deviation > 0 and self.degrees >= 1):
            raise ValueError("noise is a positive number with at least one degree of freedom")


def pooled(samples: Iterable[Sequence[float]]) -> Noise | None:
    """Pool the scatter of each attempt around its own mean; None before anything was repeated.

    The variance is the sum of squared deviations over the sum of (runs - 1). A scatter of exactly
    zero, from a task without any randomness, becomes the smallest that the values' own size allows.
    """
    squares, degrees, size = 0.0, 0, 0.0
    for values in samples:
        if len(values) > 1:
            mean = math.fsum(values) / len(values)
            squares += math.fsum((value - mean) ** 2 for value in values)
            degrees += len(values) - 1
            size = max(size, *(abs(value) for value in values))
    if not degrees:
        return None
    return Noise(max(math.sqrt(squares / degrees), 1e-9 * size, 1e-12), degrees)
