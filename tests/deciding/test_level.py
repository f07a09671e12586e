"""The best's level: its luck is taken back by the prior and by what is measured after it."""

from __future__ import annotations

import numpy as np
import pytest

from orchestrator.deciding.effects import Difference, Effects
from orchestrator.deciding.level import REPLAYED, Level, known
from orchestrator.deciding.night import Closed, Night
from orchestrator.deciding.noise import Noise

NOISE = Noise(1.0, 1000)
BASELINE = (0.0, 0.5, -0.5, 0.0)


def night(*discarded: float, kept: float | None = None) -> Night:
    attempts = [Closed(BASELINE, kept=True)]
    bests: list[tuple[float, ...]] = [BASELINE]
    if kept is not None:
        attempts.append(Closed((kept,), kept=True, probability=0.95, best=0))
        bests.append((kept,))
    attempts += [Closed((value,), kept=False, best=len(bests) - 1) for value in discarded]
    return Night(tuple(attempts), tuple(bests))


def test_a_baseline_is_as_good_as_its_values_say() -> None:
    level = known(night(), BASELINE, NOISE).level
    assert (level.mean, level.variance) == (0.0, 0.25)


def test_what_became_the_best_by_a_low_value_is_thought_to_be_higher_than_it() -> None:
    level = known(night(kept=-2.5), (-2.5,), NOISE).level
    assert -2.5 < level.mean < -0.5


def test_later_candidates_that_are_all_higher_take_back_a_lucky_best() -> None:
    alone = known(night(kept=-2.5), (-2.5,), NOISE).level
    beside = known(night(0.1, -0.3, 0.4, 0.0, 0.2, -0.1, kept=-2.5), (-2.5,), NOISE).level
    assert beside.mean > alone.mean + 0.3
    assert beside.variance < alone.variance


def test_fresh_runs_of_the_best_make_its_level_known() -> None:
    level = known(night(kept=-2.5), (-2.5, -0.4, -0.1, -0.3, 0.0, -0.2, 0.1, -0.3), NOISE).level
    assert level.mean == pytest.approx(-0.4, abs=0.25)


def test_one_step_is_the_posterior_as_counted_on_a_fine_grid() -> None:
    effects, level, value, run = Effects.before(NOISE), Level(0.3, 0.5), -1.1, 1.0
    levels, sizes = np.linspace(-8, 8, 1201), np.linspace(-300, 300, 24001)
    prior = sum(
        share * np.exp(-((sizes - size) ** 2) / variance / 2) / np.sqrt(variance)
        for size, variance, share in zip(effects.sizes, effects.variances, effects.shares, strict=True)
    )
    at = np.exp(-((levels - level.mean) ** 2) / level.variance / 2)
    told = np.array([(prior * np.exp(-((value - x + sizes) ** 2) / run / 2)).sum() for x in levels]) * at
    told /= told.sum()
    seen = Difference(level.mean - value, level.variance + run)
    after = level.seen_beside(seen, effects.odds(seen), effects)
    mean = (told * levels).sum()
    assert after.mean == pytest.approx(mean, abs=0.01)
    assert after.variance == pytest.approx((told * levels**2).sum() - mean**2, rel=0.02)


def test_every_keep_makes_what_was_seen_before_it_count_less() -> None:
    large = [Closed((value,), kept=False, best=0) for value in (30.0, 35.0, 28.0, 33.0)]
    after = Night((Closed(BASELINE, kept=True), *large), (BASELINE,))
    keeps = [Closed((-20.0 * n,), kept=True, probability=1.0, best=n - 1) for n in range(1, 6)]
    values = [(-20.0 * n,) for n in range(6)]
    later = Night((*after.attempts, *keeps), (BASELINE, *values[1:]))
    harmful = slice(17, 22)
    fresh = known(after, BASELINE, NOISE).effects.shares[harmful].sum()
    assert known(later, values[-1], NOISE).effects.shares[harmful].sum() < fresh / 2


def test_attempts_without_a_value_and_second_baselines_change_nothing() -> None:
    odd = Night(
        (*night(0.2).attempts, Closed((), kept=False, best=0), Closed((9.0,), kept=False)), (BASELINE,)
    )
    assert known(odd, BASELINE, NOISE).level == known(night(0.2), BASELINE, NOISE).level


def long_night(attempts: int, keep_every: int, seed: int = 5) -> tuple[Night, float]:
    """Effects of both signs around a best that moves now and then, and where it truly is at the end."""
    random, level = np.random.default_rng(seed), 0.0
    closed = [Closed(BASELINE, kept=True)]
    bests: list[tuple[float, ...]] = [BASELINE]
    for number in range(1, attempts):
        kept, best = number % keep_every == 0, len(bests) - 1
        value = level - (3.0 if kept else float(random.normal(-1.5, 2.0))) + float(random.normal())
        closed.append(Closed((value,), kept=kept, probability=0.95 if kept else None, best=best))
        if kept:
            level -= 3.0
            bests.append((value, level + float(random.normal())))
    return Night(tuple(closed), tuple(bests)), level


@pytest.mark.parametrize("keep_every", [6, 40, 5000], ids=["many keeps", "few keeps", "no keeps"])
def test_a_replay_of_the_latest_attempts_is_about_as_near_to_the_truth_as_a_whole_one(
    keep_every: int,
) -> None:
    misses: dict[int, list[float]] = {REPLAYED: [], 10**6: []}
    for seed in range(2):
        past, truth = long_night(2 * REPLAYED, keep_every, seed)
        for replayed, missed in misses.items():
            missed.append(abs(known(past, past.bests[-1], NOISE, replayed=replayed).level.mean - truth))
    assert np.mean(misses[REPLAYED]) <= np.mean(misses[10**6]) + 0.25 * NOISE.deviation


def test_a_night_of_up_to_so_many_attempts_is_replayed_whole() -> None:
    past, _ = long_night(REPLAYED, 6)
    whole, latest = known(past, past.bests[-1], NOISE, replayed=10**6), known(past, past.bests[-1], NOISE)
    assert latest.level == whole.level
    assert (latest.effects.shares == whole.effects.shares).all()
