"""Noise and belief: against what is known in closed form, by counting, and at the ends of the floats."""

from __future__ import annotations

import math

import numpy as np
import pytest

from orchestrator.deciding.effects import (
    Difference,
    Effects,
    believe,
    difference,
    fitted_effects,
)
from orchestrator.deciding.noise import Noise, pooled

KNOWN = Noise(1.0, 1000)


def test_noise_is_pooled_around_each_attempts_own_mean() -> None:
    assert pooled([(1.0, 3.0), (10.0, 12.0, 14.0), (5.0,)]) == Noise(math.sqrt(10 / 3), 3)


def test_without_a_repeat_the_noise_is_not_known() -> None:
    assert pooled([(1.0,), (2.0,), ()]) is None


def test_a_task_without_any_randomness_has_a_tiny_noise_rather_than_none() -> None:
    assert pooled([(2.5, 2.5, 2.5)]) == Noise(2.5e-9, 2)


@pytest.mark.parametrize(
    ("deviation", "degrees"), [(0.0, 3), (-1.0, 3), (math.nan, 3), (math.inf, 3), (1.0, 0)]
)
def test_a_noise_that_is_none_cannot_be_built(deviation: float, degrees: int) -> None:
    with pytest.raises(ValueError, match="noise is a positive number"):
        Noise(deviation, degrees)


@pytest.mark.parametrize(("share", "scale"), [(0.0, 1.0), (1.0, 1.0), (0.2, 0.0), (0.2, math.nan)])
def test_effects_that_say_nothing_cannot_be_built(share: float, scale: float) -> None:
    with pytest.raises(ValueError, match="a share lies between"):
        Effects(share, scale)


def test_a_difference_compares_means_and_carries_the_noise_of_both() -> None:
    assert difference((1.0, 2.0), (4.0, 4.0, 4.0, 4.0)) == Difference(2.5, math.sqrt(0.75))


@pytest.mark.parametrize("value", [-1.0, 0.3, 2.0, 4.0])
@pytest.mark.parametrize("bar", [-0.5, 0.0, 0.5])
def test_the_belief_is_bayes_rule_as_counted_on_a_fine_grid(value: float, bar: float) -> None:
    effects, error = Effects(0.3, 1.5), 0.8
    grid = np.linspace(-60, 60, 1_200_001)
    prior = np.mean([np.exp(-np.abs(grid) / scale) / scale for scale in effects.scales], axis=0)
    prior *= np.where(grid > 0, 0.3, 0.7)
    after = prior * np.exp(-(((value - grid) / error) ** 2) / 2)
    after /= after.sum()
    belief = believe(Difference(value, error), KNOWN, effects, bar)
    assert belief.probability == pytest.approx(after[grid > bar].sum(), abs=1e-4)
    assert belief.gain == pytest.approx((after * np.maximum(grid, 0)).sum(), rel=1e-3)


def test_a_noise_known_from_few_repeats_convinces_less() -> None:
    seen, effects = Difference(3.0, 1.0), Effects(0.25, 2.0)
    beliefs = [believe(seen, Noise(1.0, degrees), effects).probability for degrees in (1, 3, 10, 1000)]
    assert beliefs == sorted(beliefs)
    assert beliefs[0] < 0.8
    assert beliefs[-1] > 0.9


def test_few_degrees_come_close_to_the_exact_average_over_the_noise() -> None:
    random = np.random.default_rng(1)
    true = np.sqrt(4 / random.chisquare(4, 20_000))
    effects, grid = Effects(0.25, 2.0), np.linspace(-40, 40, 4_001)
    prior = np.mean([np.exp(-np.abs(grid) / scale) / scale for scale in effects.scales], axis=0)
    prior *= np.where(grid > 0, 0.25, 0.75)
    likelihood = np.zeros_like(grid)
    for noise in true[:2_000]:
        likelihood += np.exp(-(((2.5 - grid) / noise) ** 2) / 2) / noise
    after = prior * likelihood
    exact = after[grid > 0].sum() / after.sum()
    assert believe(Difference(2.5, 1.0), Noise(1.0, 4), effects).probability == pytest.approx(exact, abs=0.03)


@pytest.mark.parametrize("value", [-1e6, -300.0, -30.0, 30.0, 300.0, 1e6])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("degrees", [1, 1000])
def test_extremes_give_a_probability_and_a_gain(value: float, scale: float, degrees: int) -> None:
    belief = believe(Difference(value, 1.0), Noise(1.0, degrees), Effects(0.25, scale))
    assert 0 <= belief.probability <= 1
    assert 0 <= belief.gain < 2e6
    assert belief.probability >= 0.25 - 1e-6 if value > 0 else belief.probability <= 0.25 + 1e-6


def test_a_difference_of_nothing_leaves_the_prior() -> None:
    assert believe(Difference(0.0, 1.0), KNOWN, Effects(0.25, 1.0)).probability == pytest.approx(0.25)


def test_the_belief_is_the_same_in_any_unit() -> None:
    small = believe(Difference(2e-4, 1.0), Noise(1e-4, 4), Effects(0.25, 3e-4))
    large = believe(Difference(2.0, 1.0), Noise(1.0, 4), Effects(0.25, 3.0))
    assert small.probability == pytest.approx(large.probability)
    assert small.gain == pytest.approx(1e-4 * large.gain)


def test_the_scale_is_fitted_to_what_the_attempts_showed() -> None:
    random = np.random.default_rng(2)
    shown = random.laplace(0.0, 5.0, 200) + random.normal(0.0, 1.15, 200)
    assert fitted_effects(tuple(shown), KNOWN, 0.25).scale == pytest.approx(5.0, rel=0.25)


def test_attempts_that_show_noise_alone_give_the_smallest_scale() -> None:
    random = np.random.default_rng(3)
    shown = random.normal(0.0, math.sqrt(4 / 3), 50)
    assert fitted_effects(tuple(shown), KNOWN, 0.25) == Effects(0.25, 0.1)
    assert fitted_effects((), KNOWN, 0.25) == Effects(0.25, 0.1)
