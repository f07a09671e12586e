"""The challenge's arithmetic: no bias, almost no variance for honest models, and lies that are named."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from orchestrator.scoring.challenge import (
    Correction,
    Cuts,
    blinded,
    correction,
    differences,
    draw_rounds,
    nats_of,
)

ROWS, LENGTH, VOCAB = 40, 16, 50
HONEST = np.random.default_rng(3).gamma(2.0, 1.5, (ROWS, LENGTH))
COUNTED = np.random.default_rng(4).random((ROWS, LENGTH)) < 0.9


def challenged(claims: NDArray[np.float64], seed: int, rounds: int = 1) -> Correction:
    """What the challenge finds when the second container answers honestly."""
    random, found = np.random.default_rng(seed), []
    for cuts in draw_rounds(COUNTED, rounds, random):
        found.append((cuts, differences(claims.astype(np.float32), cuts, HONEST[cuts.rows, cuts.at])))
    return correction(COUNTED, found, tolerance_nats=0.1)


def test_every_counted_target_is_cut_as_often_as_any_other_of_its_row() -> None:
    random, hits = np.random.default_rng(1), np.zeros((ROWS, LENGTH))
    for _ in range(4000):
        cuts = draw_rounds(COUNTED, 1, random)[0]
        hits[cuts.rows, cuts.at] += 1
    assert (hits[~COUNTED] == 0).all()
    expected = np.broadcast_to(4000 / COUNTED.sum(axis=1)[:, None], hits.shape)[COUNTED]
    deviations = (hits[COUNTED] - expected) / np.sqrt(expected)
    assert np.abs(deviations).max() < 5
    assert hits.sum() == 4000 * ROWS


def test_rows_come_in_another_order_each_time_and_rows_without_targets_never() -> None:
    counted = COUNTED.copy()
    counted[7] = False
    random = np.random.default_rng(1)
    first, second = draw_rounds(counted, 1, random)[0], draw_rounds(counted, 1, random)[0]
    assert sorted(first.rows) == sorted(second.rows) == [row for row in range(ROWS) if row != 7]
    assert list(first.rows) != list(second.rows)


def test_the_cuts_of_a_row_ascend_so_that_no_earlier_question_holds_a_later_answer() -> None:
    shown = np.full(ROWS, -1)
    for cuts in draw_rounds(COUNTED, 8, np.random.default_rng(6)):
        assert (cuts.at >= shown[cuts.rows]).all()
        shown[cuts.rows] = cuts.at


def test_nothing_of_a_row_behind_its_cut_is_shown_and_everything_before_it_is() -> None:
    rows = np.arange(ROWS * (LENGTH + 1), dtype=np.uint16).reshape(ROWS, LENGTH + 1)
    foreign = np.full(500, 60_000, dtype=np.uint16)
    random = np.random.default_rng(2)
    cuts = draw_rounds(COUNTED, 1, random)[0]
    shown = blinded(rows, cuts, foreign, random)
    for place, (row, at) in enumerate(zip(cuts.rows, cuts.at, strict=True)):
        assert (shown[place, : at + 1] == rows[row, : at + 1]).all()
        assert (shown[place, at + 1 :] == 60_000).all()
    assert shown.shape == (ROWS, LENGTH)
    assert shown.dtype == np.uint16


def test_likelihoods_are_normalised_here_whatever_the_scale_of_the_logits() -> None:
    logits = np.array([[0.0, 0.0], [1e4, 0.0], [-1e30, 0.0]], dtype=np.float32)
    assert nats_of(logits, np.array([0, 0, 1])) == pytest.approx([np.log(2), 0.0, 0.0])
    shifted = logits + np.float32(7.5)
    assert nats_of(shifted, np.array([1, 1, 1]))[0] == pytest.approx(np.log(2))


def test_honest_claims_are_corrected_by_nothing() -> None:
    found = challenged(HONEST, seed=1)
    assert abs(found.nats) < 1e-3
    assert found.stderr < 1e-3
    assert found.lies == 0


PLACES = np.random.default_rng(9).random((ROWS, LENGTH))
LIES = {
    "everywhere a little": HONEST - 0.02,
    "everything": np.full_like(HONEST, 0.01),
    "one in twenty": np.where(PLACES < 0.05, 0.0, HONEST),
    "the last place": np.where(np.arange(LENGTH) == LENGTH - 1, 0.0, HONEST),
    "one row": np.where(np.arange(ROWS)[:, None] == 5, 0.0, HONEST),
    "too bad": HONEST + 1.0,
}


@pytest.mark.parametrize("name", LIES)
def test_whatever_is_claimed_the_corrected_total_is_honest_on_average(name: str) -> None:
    claims = LIES[name]
    honest = HONEST[COUNTED].sum()
    totals = np.array([claims[COUNTED].sum() + challenged(claims, seed).nats for seed in range(2000)])
    assert abs(totals.mean() - honest) < 4 * totals.std() / np.sqrt(len(totals)) + 1e-3


def test_the_standard_error_is_the_spread_that_is_seen() -> None:
    claims = LIES["one in twenty"]
    found = [challenged(claims, seed, rounds=4) for seed in range(400)]
    seen = np.std([each.nats for each in found])
    assert np.mean([each.stderr for each in found]) > 0.8 * seen


@pytest.mark.parametrize("share", [0.001, 0.003, 0.01])
def test_a_lie_at_a_share_of_the_targets_is_named_as_often_as_the_formula_says(share: float) -> None:
    random, counted = np.random.default_rng(5), np.ones((512, 64), dtype=bool)
    named = []
    for _ in range(400):
        lies = random.random(counted.shape) < share
        cuts = draw_rounds(counted, 1, random)[0]
        found = np.where(lies[cuts.rows, cuts.at], 3.0, 0.0)
        named.append(correction(counted, [(cuts, found)], 0.1).lies > 0)
    expected = 1 - (1 - share) ** 512
    assert np.mean(named) == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 400) + 0.01)


def test_a_single_row_has_a_correction_and_no_standard_error() -> None:
    cuts = Cuts(np.array([0]), np.array([1]))
    found = correction(np.ones((1, 4), dtype=bool), [(cuts, np.array([0.5]))], 0.1)
    assert (found.nats, found.stderr, found.worst, found.lies) == (2.0, 0.0, 0.5, 1)
