"""Effects: what one difference tells, against counting on a fine grid, and at the ends of the floats."""

from __future__ import annotations

import math

import numpy as np
import pytest

from orchestrator.deciding.effects import HALF, Difference, Effects
from orchestrator.deciding.noise import Noise

KNOWN = Noise(1.0, 1000)
BEFORE = Effects.before(KNOWN)


@pytest.mark.parametrize("value", [-3.0, -0.5, 0.4, 2.0, 6.0])
@pytest.mark.parametrize("bar", [-0.5, 0.0])
def test_the_belief_is_bayes_rule_as_counted_on_a_fine_grid(value: float, bar: float) -> None:
    sizes = np.concatenate([np.linspace(-600, -4, 20001), np.linspace(-3.999, 4, 40001)])
    sizes = np.concatenate([sizes, np.linspace(4.001, 600, 20001)])
    step = np.gradient(sizes)
    prior = sum(
        share * np.exp(-((sizes - size) ** 2) / variance / 2) / np.sqrt(variance)
        for size, variance, share in zip(BEFORE.sizes, BEFORE.variances, BEFORE.shares, strict=True)
    )
    after = prior * np.exp(-((value - sizes) ** 2) / 1.25 / 2) * step
    after /= after.sum()
    belief = BEFORE.believe(Difference(value, 1.25), KNOWN, bar)
    assert belief.probability == pytest.approx(after[sizes > bar].sum(), abs=0.005)
    assert belief.mean == pytest.approx((after * sizes).sum(), abs=0.005)
    assert belief.gain == pytest.approx((after * np.maximum(sizes, 0)).sum(), abs=0.02)


def test_a_noise_known_from_few_repeats_convinces_less() -> None:
    seen = Difference(4.0, 1.0)
    beliefs = [BEFORE.believe(seen, Noise(1.0, degrees)).probability for degrees in (1, 3, 10, 1000)]
    assert beliefs == sorted(beliefs)
    assert beliefs[0] < 0.9 < beliefs[-1]


@pytest.mark.parametrize("value", [-1e9, -300.0, 300.0, 1e9])
@pytest.mark.parametrize("variance", [1e-4, 1.0, 1e6])
@pytest.mark.parametrize("degrees", [1, 1000])
def test_extremes_give_a_probability_and_a_gain(value: float, variance: float, degrees: int) -> None:
    belief = BEFORE.believe(Difference(value, variance), Noise(1.0, degrees))
    assert 0 <= belief.probability <= 1
    assert math.isfinite(belief.mean)
    assert 0 <= belief.gain < math.inf


def test_no_number_is_believed_to_be_better() -> None:
    belief = BEFORE.believe(Difference(math.nan, 1.0), KNOWN)
    assert not belief.probability >= 0.1


def test_the_belief_is_the_same_in_any_unit() -> None:
    small = Effects.before(Noise(1e-4, 4)).believe(Difference(2e-4, 1.5e-8), Noise(1e-4, 4))
    large = Effects.before(Noise(1.0, 4)).believe(Difference(2.0, 1.5), Noise(1.0, 4))
    assert small.probability == pytest.approx(large.probability)
    assert small.gain == pytest.approx(1e-4 * large.gain)


def test_before_any_attempt_no_gain_is_likelier_than_one() -> None:
    assert BEFORE.shares.sum() == pytest.approx(1.0)
    assert BEFORE.shares[:HALF].sum() < 0.4


def test_the_shares_are_fitted_to_what_the_attempts_showed() -> None:
    random = np.random.default_rng(2)
    values = np.where(random.random(400) < 0.3, 16.0, -4.0) + random.normal(0.0, 1.1, 400)
    fitted = BEFORE.fitted([Difference(float(value), 1.21) for value in values], [1.0] * 400)
    assert fitted.shares[6:9].sum() == pytest.approx(0.3, abs=0.04)
    assert fitted.shares[HALF + 4 : HALF + 7].sum() == pytest.approx(0.7, abs=0.04)


def test_attempts_that_show_noise_alone_make_gains_of_the_noises_size_rare() -> None:
    random = np.random.default_rng(3)
    values = random.normal(0.0, 1.1, 60)
    fitted = BEFORE.fitted([Difference(float(value), 1.21) for value in values], [1.0] * 60)
    assert fitted.shares[4:HALF].sum() < 0.05
    assert fitted.worth(KNOWN) < BEFORE.worth(KNOWN)


def test_attempts_of_no_weight_leave_the_prior() -> None:
    fitted = BEFORE.fitted([Difference(9.0, 1.0)], [0.0])
    assert fitted.shares == pytest.approx(BEFORE.shares)
    assert BEFORE.fitted([], []) is BEFORE
