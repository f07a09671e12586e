"""What changes do: a mixture of sizes, fitted to the night so far, and what one measured difference tells.

Lower values are better. An effect is how much lower a candidate truly is than the best. Its distribution is
a mixture of normals of fixed sizes, helpful and harmful ones in steps of two from an eighth of the noise to
128 times the noise; only their shares are fitted. That is the adaptive shrinkage of Stephens (2017), "False
discovery rates: a new deal", with its penalty that favours no effect at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.deciding.noise import Noise, spread

Array = NDArray[np.float64]

SIZES = np.asarray([2.0**power for power in range(-3, 8)])  # in units of the noise
HALF = len(SIZES)
SIGNED = np.concatenate([SIZES, -SIZES])  # helpful first
WIDTH = 0.35  # the width of a component over its size: neighbours overlap
PRIOR_ATTEMPTS = 8.0  # made-up attempts of every size, before real ones
PRIOR_NULL = 2.5  # made-up attempts without effect: what keeps noise from passing for gains
PRIOR_SHARE, PRIOR_SIGNS = 0.4, 4.0  # their helpful part, a guess that counts for so many attempts
STEPS = 15  # of expectation and maximisation


def _prior(counts: Array) -> Array:
    """Made-up attempts, one number a component; no effect is the smallest harmful one.

    Their helpful share is that of the attempts, counted by component: sizes share what is known of signs.
    """
    share = (counts[:HALF].sum() + PRIOR_SIGNS * PRIOR_SHARE) / (counts.sum() + PRIOR_SIGNS)
    made_up = np.repeat([share, 1 - share], HALF) * PRIOR_ATTEMPTS / HALF
    made_up[HALF] += PRIOR_NULL
    return made_up


@cache
def _first() -> Array:
    """The made-up attempts before any real one."""
    return _prior(np.zeros(2 * HALF))


@dataclass(frozen=True, slots=True)
class Difference:
    """The best's level less the candidate's mean, with the variance of its error."""

    value: float
    variance: float


@dataclass(frozen=True, slots=True)
class Belief:
    """What is known of an effect: P(effect > bar), its mean, and E[max(effect, 0)]."""

    probability: float
    mean: float
    gain: float


@dataclass(frozen=True, slots=True)
class Effects:
    """The mixture: normals at `sizes` with `variances`, and the share of each (arrays of one length)."""

    sizes: Array
    variances: Array
    shares: Array

    @classmethod
    def before(cls, noise: Noise) -> Effects:
        """The mixture before any attempt: every size in units of the noise is alike."""
        sizes = SIGNED * noise.deviation
        shares = _first()
        return cls(sizes, (WIDTH * sizes) ** 2, shares / shares.sum())

    def counted(self, counts: Array) -> Effects:
        """The mixture after so many attempts of each component."""
        shares = _first() + counts
        return Effects(self.sizes, self.variances, shares / shares.sum())

    def odds(self, seen: Difference) -> Array:
        """The probability of each component after a difference; sums to one."""
        return _normalised(np.log(self.shares) + self._log_density(seen.value, seen.variance))

    def worth(self, noise: Noise) -> float:
        """What a fresh proposal's one run is worth: each helpful size times its share, times the part of
        it that one run would show, size^2 / (size^2 + noise^2)."""
        helpful = self.sizes[:HALF]
        shown = helpful**2 / (helpful**2 + noise.deviation**2)
        return float(np.sum(self.shares[:HALF] * helpful * shown))

    def fitted(self, seen: Sequence[Difference], weights: Sequence[float]) -> Effects:
        """Fit the shares to weighted differences, by expectation and maximisation from the prior."""
        if not seen:
            return self
        values = np.asarray([[each.value, each.variance] for each in seen])
        logs = self._log_density(values[:, :1], values[:, 1:])
        likely = np.exp(logs - logs.max(axis=1, keepdims=True))
        weighed, shares = np.asarray(weights, dtype=np.float64), self.shares
        for _ in range(STEPS):
            counts = shares * ((weighed / (likely @ shares)) @ likely)
            shares = counts + _prior(counts)
            shares /= shares.sum()
        return Effects(self.sizes, self.variances, shares)

    def believe(self, seen: Difference, noise: Noise, bar: float = 0.0) -> Belief:
        """Bayes' rule, averaged over what the noise may be (`noise.spread`), as its degrees allow.

        The noise's possible values stand for Student's t, so that a noise known from few repeats convinces
        less. Components count for P(effect > 0) by their sign: their overlap with zero is below 0.3 per cent.
        """
        times, parts = np.asarray(list(spread(noise.degrees))).T
        variances = seen.variance * times[:, None] ** 2
        odds = _normalised(
            np.log(parts)[:, None] + np.log(self.shares) + self._log_density(seen.value, variances)
        )
        trust = self.variances / (self.variances + variances)
        means = self.sizes + trust * (seen.value - self.sizes)
        helpful = odds[:, :HALF]
        above = float(helpful.sum()) if bar == 0 else _above(bar, odds, means, np.sqrt(trust * variances))
        return Belief(
            min(max(above, 0.0), 1.0),
            float((odds * means).sum()),
            float((helpful * np.maximum(means[:, :HALF], 0)).sum()),
        )

    def _log_density(self, value: Any, variance: Any) -> Array:
        total = self.variances + variance
        density: Array = -0.5 * (np.log(total) + (value - self.sizes) ** 2 / total)
        return density


def _above(bar: float, odds: Array, means: Array, deviations: Array) -> float:
    """P(effect > bar) of a mixture of normals."""
    rows: Iterable[tuple[float, float, float]] = zip(
        odds.ravel().tolist(), means.ravel().tolist(), deviations.ravel().tolist(), strict=True
    )
    return math.fsum(
        part * 0.5 * math.erfc((bar - mean) / (deviation * math.sqrt(2))) for part, mean, deviation in rows
    )


def _normalised(logs: Array) -> Array:
    odds: Array = np.exp(logs - logs.max())
    odds /= odds.sum()
    return odds
