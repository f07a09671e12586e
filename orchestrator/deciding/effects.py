"""The probability that a change truly helps: what the decision rests on, over plain numbers.

Lower values are better. An effect is how much lower a candidate truly is than the best; a difference is
what was measured of it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from orchestrator.deciding.noise import Noise

NORMAL = statistics.NormalDist()


@dataclass(frozen=True, slots=True)
class Effects:
    """What changes do before one is measured: this share helps, and sizes are of about this scale.

    Helpful and harmful sizes are exponential, each an equal mixture of a third, one and three times
    the scale: many small ones and a heavy tail.
    """

    share: float
    scale: float

    def __post_init__(self) -> None:
        if not (0 < self.share < 1 and math.isfinite(self.scale) and self.scale > 0):
            raise ValueError("a share lies between 0 and 1, a scale is positive")

    @property
    def scales(self) -> tuple[float, float, float]:
        return (self.scale / 3, self.scale, self.scale * 3)

    @property
    def gain(self) -> float:
        """The gain to expect of a proposal before anything is known of it."""
        return self.share * sum(self.scales) / 3


def fitted_effects(differences: Sequence[float], noise: Noise, share: float) -> Effects:
    """Fit the scale to the first differences of the night's attempts so far (empirical Bayes).

    The median size of the differences, less what noise alone gives and one standard error of that, over
    ln 2 (the median of an exponential). Three made-up differences of the noise's size stand in until there
    are real ones. The scale is never below a tenth of the noise: below that nothing can be told apart.
    """
    sizes = [abs(each) for each in differences] + [noise.deviation] * 3
    alone = 0.6745 * math.sqrt(4 / 3) * noise.deviation * (1 + 1 / math.sqrt(len(sizes)))
    true = math.sqrt(max(statistics.median(sizes) ** 2 - alone**2, 0.0)) / math.log(2)
    return Effects(share, max(true, noise.deviation / 10))


@dataclass(frozen=True, slots=True)
class Difference:
    """The best's mean less the candidate's, and its standard error as a multiple of the noise."""

    value: float
    factor: float


def difference(candidate: Sequence[float], best: Sequence[float]) -> Difference:
    """Compare the means of n and m runs; the factor is sqrt(1/n + 1/m)."""
    lower = math.fsum(best) / len(best) - math.fsum(candidate) / len(candidate)
    return Difference(lower, math.sqrt(1 / len(candidate) + 1 / len(best)))


@dataclass(frozen=True, slots=True)
class Belief:
    """What is known of an effect: the probability that it is above the bar, and E[max(effect, 0)]."""

    probability: float
    gain: float


def believe(seen: Difference, noise: Noise, effects: Effects, bar: float = 0.0) -> Belief:
    """Bayes' rule: `effects` before, the difference as normal around the true effect, the belief after.

    The noise is an estimate too. Its chi-squared posterior is five weighted values, so the likelihood is a
    mixture of normals that stands for Student's t with `noise.degrees`. For one value of the noise and one
    scale both halves of the prior have a closed integral, given at `_log_half`; an exponential has no
    memory, so a bar only moves the difference.
    """
    weights: list[float] = []
    beyond: list[float] = []
    gains: list[float] = []
    helps, harms = math.log(effects.share), math.log1p(-effects.share)
    for times, weight in _spread(noise.degrees):
        error = noise.deviation * times * seen.factor
        for scale in effects.scales:
            helpful = weight + helps + _log_half(seen.value, error, scale)
            weights += (helpful, weight + harms + _log_half(-seen.value, error, scale))
            gains.append(_mean_above_zero(seen.value - error**2 / scale, error))
            side = helps if bar >= 0 else harms
            moved = seen.value - bar if bar >= 0 else bar - seen.value
            beyond.append(weight + side - abs(bar) / scale + _log_half(moved, error, scale))
    peak = max(weights)
    odds = [math.exp(each - peak) for each in weights]
    total = math.fsum(odds)
    part = math.fsum(math.exp(each - peak) for each in beyond) / total
    gain = math.fsum(each * mean for each, mean in zip(odds[::2], gains, strict=True)) / total
    return Belief(min(max(part if bar >= 0 else 1 - part, 0.0), 1.0), gain)


def _log_half(value: float, error: float, scale: float) -> float:
    """Log of the integral over d > 0 of Exponential(d; mean scale) times Normal(value; mean d, sd error).

    It is exp(error^2 / (2 scale^2) - value / scale) Phi(value / error - error / scale) / scale.
    """
    z = value / error - error / scale
    return _log_phi(z) + (z * z - (value / error) ** 2) / 2 - math.log(scale)


def _mean_above_zero(mean: float, error: float) -> float:
    """Mean of a normal that is cut off below zero."""
    z = mean / error
    if z < -30:
        return error / -z
    return mean + error * math.exp(-z * z / 2 - _log_phi(z)) / math.sqrt(2 * math.pi)


def _log_phi(z: float) -> float:
    """Log of the normal distribution function; its asymptotic series where it would underflow."""
    if z > -20:
        return math.log(0.5 * math.erfc(-z / math.sqrt(2)))
    return -z * z / 2 - math.log(-z * math.sqrt(2 * math.pi)) + math.log1p(-1 / z**2 + 3 / z**4)


STRATA = (0.0, 0.02, 0.1, 0.3, 0.6, 1.0)


@lru_cache(maxsize=1024)
def _spread(degrees: int) -> tuple[tuple[float, float], ...]:
    """Possible true noises as multiples of the estimate, with log weights (chi-squared by Wilson-Hilferty).

    The strata are narrow where the true noise is much larger than the estimate: that is where false keeps
    come from.
    """
    if degrees > 100:
        return ((1.0, 0.0),)
    part = 2 / (9 * degrees)
    middles = ((low + high) / 2 for low, high in pairwise(STRATA))
    cubes = (1 - part + NORMAL.inv_cdf(middle) * math.sqrt(part) for middle in middles)
    weights = (math.log(high - low) for low, high in pairwise(STRATA))
    return tuple((max(cube, 0.05) ** -1.5, weight) for cube, weight in zip(cubes, weights, strict=True))
