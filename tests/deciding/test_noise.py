"""Noise: pooled over repeats, and known only as well as its degrees of freedom allow."""

from __future__ import annotations

import math

import numpy as np
import pytest

from orchestrator.deciding.noise import Noise, pooled, spread


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


@pytest.mark.parametrize("degrees", [2, 4, 10, 40])
def test_the_spread_of_the_noise_is_that_of_its_chi_squared_posterior(degrees: int) -> None:
    true = np.sqrt(degrees / np.random.default_rng(1).chisquare(degrees, 200_000))
    times, parts = zip(*spread(degrees), strict=True)
    assert sum(parts) == pytest.approx(1.0)
    bounds = np.quantile(true, [1.0, 0.98, 0.9, 0.7, 0.4, 0.0])
    for high, low, time in zip(bounds[:-1], bounds[1:], times, strict=True):
        assert low < time < high


def test_a_noise_known_from_many_repeats_is_taken_as_it_is() -> None:
    assert spread(101) == ((1.0, 1.0),)
