"""The best's true level, from everything that says something about it, at no run of its own.

A best was chosen for being low, so its own values flatter it. What takes that back: how likely such an effect
was before, and every later candidate, since its value is the best's level less an effect plus noise. The
level is a normal; after each attempt the exact posterior, a mixture of normals, is replaced by the normal
with its mean and variance (assumed-density filtering; Minka 2001, "Expectation propagation").

Only the latest attempts are replayed, so that a decision after a year costs what it costs after a week. What
came before hardly counts: each keep after it takes `FADES` off its weight, and where there are no keeps, so
many attempts beside one best leave little to learn of its level or of what changes do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orchestrator.deciding.effects import SIZES, Array, Difference, Effects
from orchestrator.deciding.night import Night
from orchestrator.deciding.noise import Noise

FADES = 0.7  # each keep makes the attempts before it count so much less: what is left to gain is smaller
REPLAYED = 4000  # attempts
LEAST = 1e-4  # of one run's variance: a level is never known better


@dataclass(frozen=True, slots=True)
class Level:
    """The best's true level: a normal."""

    mean: float
    variance: float

    @classmethod
    def measured(cls, values: Sequence[float], noise: Noise) -> Level:
        """The level of a baseline: nothing is known but its values."""
        return cls(_mean(values), noise.deviation**2 / len(values))

    def less(self, values: Sequence[float], noise: Noise) -> Difference:
        """The difference to a candidate of these values."""
        variance, reach = self.variance + noise.deviation**2 / len(values), SIZES[-1] * noise.deviation
        return Difference(min(max(self.mean - _mean(values), -reach), reach), variance)

    def seen_beside(self, seen: Difference, odds: Array, effects: Effects) -> Level:
        """The level after a candidate that did not replace it."""
        trust = self.variance / (seen.variance + effects.variances)
        return self._moved(odds, trust * (effects.sizes - seen.value), self.variance * (1 - trust))

    def replaced(self, seen: Difference, odds: Array, effects: Effects) -> Level:
        """The level of the candidate that became the best."""
        trust = (self.variance + effects.variances) / (seen.variance + effects.variances)
        moves = trust * (effects.sizes - seen.value) - effects.sizes
        return self._moved(odds, moves, trust * (seen.variance - self.variance))

    def _moved(self, odds: Array, moves: Array, variances: Array) -> Level:
        move = float(odds @ moves)
        return Level(self.mean + move, max(float(odds @ (variances + moves**2)) - move**2, 0.0))

    def at_least(self, variance: float) -> Level:
        return Level(self.mean, max(self.variance, variance))


@dataclass(frozen=True, slots=True)
class Known:
    """What the night so far says: the best's level, and what changes do now."""

    level: Level
    effects: Effects


def known(night: Night, best: Sequence[float], noise: Noise, *, replayed: int = REPLAYED) -> Known:
    """Replay the night's latest attempts in order; `best` are the values of the present best."""
    bests, attempts = [*night.bests[:-1], best], night.attempts[-replayed:]
    place = (attempts[0].best or 0) if attempts else 0
    level = Level.measured(bests[place], noise)
    before = effects = Effects.before(noise)
    counts, seen, fading = np.zeros_like(effects.sizes), list[Difference](), list[bool]()
    for attempt in attempts:
        if attempt.best is None or not attempt.values:
            continue
        found = level.less(attempt.values, noise)
        odds = effects.odds(found)
        counts += odds
        if attempt.kept:
            place += 1
            again = level.less(bests[place], noise)
            far = abs(again.value) >= SIZES[-1] * noise.deviation  # the mixture says nothing of it
            fresh = Level.measured(bests[place], noise)
            level = fresh if far else level.replaced(again, effects.odds(again), effects)
            level = level.at_least(LEAST * noise.deviation**2 / len(bests[place]))
        else:
            level = level.seen_beside(found, odds, effects).at_least(LEAST * noise.deviation**2)
        effects = before.counted(counts)
        seen.append(found)
        fading.append(attempt.kept)
    return Known(level, before.fitted(seen, _weights(fading)))


def _weights(kept: Sequence[bool]) -> list[float]:
    """How much each attempt counts: less with every keep after it."""
    keeps = np.cumsum([0, *reversed(kept)])[:-1]
    return [float(FADES**count) for count in reversed(keeps.tolist())]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
