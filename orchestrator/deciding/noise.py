"""The noise of one measurement: the scatter of what was measured more than once.

Measurements are true values plus independent normal noise of one standard deviation, the same for every
attempt of a night; fresh seeds make them independent.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

STRATA = (0.0, 0.02, 0.1, 0.3, 0.6, 1.0)
NORMAL = statistics.NormalDist()


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


@lru_cache(maxsize=1024)
def spread(degrees: int) -> tuple[tuple[float, float], ...]:
    """Possible true noises as multiples of the estimate, with their probabilities.

    Five strata of the chi-squared posterior (Wilson-Hilferty), narrow where the true noise is much larger
    than the estimate: that is where false keeps come from.
    """
    if degrees > 100:
        return ((1.0, 1.0),)
    part = 2 / (9 * degrees)
    middles = ((low + high) / 2 for low, high in pairwise(STRATA))
    cubes = (1 - part + NORMAL.inv_cdf(middle) * math.sqrt(part) for middle in middles)
    weights = (high - low for low, high in pairwise(STRATA))
    return tuple((max(cube, 0.05) ** -1.5, weight) for cube, weight in zip(cubes, weights, strict=True))
