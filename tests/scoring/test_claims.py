"""Bits per byte from claims, against values worked out by hand and by resampling."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from orchestrator.errors import ScorerError, SetupError
from orchestrator.policy import MetricPolicy
from orchestrator.ports import CandidateFault
from orchestrator.records import Action, Outcome, ResultFile, Run
from orchestrator.scoring.claims import ClaimsScorer, measure
from orchestrator.scoring.held_out import HeldOut, cut_rows

VOCAB = 16
RUN = Run("run", Outcome.COMPLETED, 1.0, result=ResultFile({}, {}, "a", "b", 1))
FOREIGN = np.zeros(200, dtype=np.uint16)
Rows = NDArray[np.uint16]
Claims = NDArray[np.float32]


def held_out(
    rows: int = 10, length: int = 8, lengths: list[int] | None = None, batch_rows: int = 4
) -> HeldOut:
    tokens = np.random.default_rng(1).integers(0, VOCAB, (rows, length + 1)).astype(np.uint16)
    return HeldOut(tokens, np.array(lengths or range(1, VOCAB + 1), dtype=np.int64), batch_rows, FOREIGN)


def uniform(rows: Rows) -> Claims:
    """What a model that knows nothing claims."""
    return np.full((len(rows), rows.shape[1] - 1), np.log(VOCAB), dtype=np.float32)


class Answers:
    """A model that answers by a function; the `Models` that opens it, too."""

    def __init__(self, answer: Callable[[Rows], Any]) -> None:
        self._answer = answer
        self.asked: list[Rows] = []
        self.closed = False

    @contextmanager
    def open(self, _: Run, *, keep: bool = False) -> Iterator[Answers]:
        assert keep, "the output may be needed for a challenge"
        yield self

    def release(self, _: Run) -> None:
        self.closed = True

    def claim(self, rows: Rows) -> Claims:
        self.asked.append(rows)
        claims: Claims = self._answer(rows)
        return claims

    def answer(self, _: Rows, __: NDArray[np.int64], ___: int) -> Claims:
        raise AssertionError("nothing here is challenged")

    def predict(self, _: NDArray[np.float32], __: int) -> Claims:
        raise AssertionError("nobody asks a language model for predictions of labels")


def never(_: float) -> Action:
    """No value has any prospects."""
    return Action.DISCARD


def test_a_uniform_model_costs_the_logarithm_of_the_vocabulary_a_token() -> None:
    data = held_out()
    score = ClaimsScorer(Answers(uniform), data, MetricPolicy(floor=0.0)).score(RUN, never)
    total_bytes = int((data.rows[:, 1:].astype(int) + 1).sum())
    assert score.value == pytest.approx(np.log2(VOCAB) * 80 / total_bytes, rel=1e-6)
    assert (score.details["tokens"], score.details["bytes"]) == (80, total_bytes)
    assert score.verified


def test_a_value_worked_out_by_hand() -> None:
    data = HeldOut(np.array([[0, 1, 2], [2, 2, 1]], dtype=np.uint16), np.array([9, 1, 3]), 2, FOREIGN)
    nats = np.array([[0.5, 1.5], [2.0, 1.0]], dtype=np.float32)
    score = measure(nats, data, floor=0.0)
    ratio = 5.0 / 8.0
    spread = 2 * ((2.0 - 4 * ratio) ** 2 + (3.0 - 4 * ratio) ** 2)
    assert score.value == pytest.approx(ratio / np.log(2), rel=1e-12)
    assert score.stderr == pytest.approx(np.sqrt(spread) / (np.log(2) * 8), rel=1e-12)


def test_targets_without_bytes_count_in_neither_sum() -> None:
    data = held_out(lengths=[0, 0] + [2] * 14)
    silent = data.rows[:, 1:] < 2
    nats = uniform(data.rows)
    costly = np.where(silent, np.float32(1000), nats).astype(np.float32)
    assert silent.any()
    values = [measure(claims, data, floor=0.0).value for claims in (nats, costly)]
    assert values[0] == values[1] == pytest.approx(np.log2(VOCAB) / 2, rel=1e-6)


def test_the_first_token_of_a_row_is_no_target() -> None:
    data = held_out()
    other = HeldOut(data.rows.copy(), data.token_bytes, 4, FOREIGN)
    other.rows[:, 0] = 0
    nats = uniform(data.rows)
    assert measure(nats, data, floor=0).value == measure(nats, other, floor=0).value


def test_the_standard_error_is_the_spread_of_resampled_rows() -> None:
    draw = np.random.default_rng(7)
    data = held_out(rows=400, length=16)
    lengths = data.token_bytes[data.rows[:, 1:]]
    difficulty = draw.gamma(4.0, 0.25, (400, 1))
    nats = (difficulty * lengths * draw.uniform(0.5, 1.5, lengths.shape)).astype(np.float32)
    score = measure(nats, data, floor=0.0)
    row_nats, row_bytes = nats.astype(np.float64).sum(axis=1), lengths.sum(axis=1)
    picks = draw.integers(0, 400, (4000, 400))
    resampled = row_nats[picks].sum(axis=1) / row_bytes[picks].sum(axis=1) / np.log(2)
    assert score.stderr == pytest.approx(resampled.std(), rel=0.08)


def test_rows_that_are_all_alike_have_no_spread_and_one_row_has_no_estimate() -> None:
    data = held_out(lengths=[3] * VOCAB)
    assert measure(uniform(data.rows), data, floor=0).stderr == pytest.approx(0.0, abs=1e-12)
    one = HeldOut(data.rows[:1], data.token_bytes, 4, FOREIGN)
    assert measure(uniform(one.rows), one, floor=0).stderr == 0.0


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (np.nan, "not finite"),
        (np.inf, "not finite"),
        (-np.inf, "not finite"),
        (-0.01, "a likelihood above 1"),
        (-1e30, "a likelihood above 1"),
    ],
)
@pytest.mark.parametrize("silent", [False, True])
def test_one_bad_claim_is_no_score_wherever_it_stands(bad: float, reason: str, silent: bool) -> None:
    data = held_out(lengths=[0 if silent else 1] + [1] * 15)
    data.rows[3, 5] = 0

    def answer(rows: Rows) -> Claims:
        return np.where(rows[:, 1:] == 0, np.float32(bad), uniform(rows)).astype(np.float32)

    score = ClaimsScorer(Answers(answer), data, MetricPolicy()).score(RUN, never)
    assert score.value is None
    assert reason in score.reason


def test_rounding_below_zero_is_forgiven() -> None:
    data = held_out()
    nats = uniform(data.rows)
    nats[0, 0] = -1e-6
    assert measure(nats, data, floor=0.0).value is not None


def test_what_is_too_good_to_be_true_is_refused() -> None:
    data = held_out()
    score = measure(np.zeros((10, 8), dtype=np.float32), data, floor=0.3)
    assert (score.value, score.reason) == (None, "0.000000 is below the plausible floor of 0.3")


def test_the_largest_finite_claims_are_a_bad_score_and_no_overflow() -> None:
    data = held_out()
    score = measure(np.full((10, 8), np.finfo(np.float32).max), data, floor=0.3)
    assert score.value is not None
    assert score.value > 1e30
    assert np.isfinite(score.stderr)


def test_held_out_text_without_a_byte_is_our_error() -> None:
    data = held_out(lengths=[0] * VOCAB)
    with pytest.raises(ScorerError, match="no bytes"):
        measure(uniform(data.rows), data, floor=0.0)


def test_every_row_is_asked_once_in_order_whatever_the_batch_size() -> None:
    data = held_out(rows=10, batch_rows=4)
    model = Answers(uniform)
    whole = ClaimsScorer(model, data, MetricPolicy(floor=0.0)).score(RUN, never)
    assert [len(rows) for rows in model.asked] == [4, 4, 2]
    assert np.array_equal(np.concatenate(model.asked), data.rows)
    assert model.closed
    single = HeldOut(data.rows, data.token_bytes, 1, FOREIGN)
    alone = ClaimsScorer(Answers(uniform), single, MetricPolicy(floor=0.0)).score(RUN, never)
    assert alone.value == whole.value


def test_the_hash_of_the_claims_tells_one_changed_bit() -> None:
    data = held_out()
    nats = uniform(data.rows)
    changed = nats.copy()
    changed[9, 7] = np.nextafter(changed[9, 7], np.float32(9))
    scores = [measure(claims, data, floor=0.0) for claims in (nats, nats, changed)]
    hashes = [score.details["claims_sha256"] for score in scores]
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_model_that_is_too_slow_has_a_reason_and_no_value() -> None:
    def answer(rows: Rows) -> Claims:
        time.sleep(0.03)
        return uniform(rows)

    model = Answers(answer)
    score = ClaimsScorer(model, held_out(), MetricPolicy(score_seconds=0.01)).score(RUN, never)
    assert (score.value, score.reason) == (None, "predicting took longer than 0.01 seconds")
    assert len(model.asked) == 1
    assert model.closed
    assert score.seconds >= 0.03


def test_a_model_that_fails_has_its_own_reason() -> None:
    def answer(_: Rows) -> Claims:
        raise CandidateFault("predicting failed: it ended")

    score = ClaimsScorer(Answers(answer), held_out(), MetricPolicy()).score(RUN, never)
    assert (score.value, score.reason) == (None, "predicting failed: it ended")


@pytest.mark.parametrize("shape", [(4, 9), (4, 7), (3, 8), (32,), (4, 8, 1)])
def test_claims_of_another_shape_are_our_error(shape: tuple[int, ...]) -> None:
    model = Answers(lambda _: np.ones(shape, dtype=np.float32))
    with pytest.raises(ScorerError, match="claims of shape"):
        ClaimsScorer(model, held_out(), MetricPolicy()).score(RUN, never)
    assert model.closed


def test_rows_are_spread_over_the_text_and_no_token_stands_in_two_of_them() -> None:
    tokens = np.arange(100, dtype=np.uint16)
    rows = cut_rows(tokens, 3, 4)
    assert rows.tolist() == [[0, 1, 2, 3, 4], [33, 34, 35, 36, 37], [66, 67, 68, 69, 70]]
    assert rows.dtype == np.uint16


def test_just_enough_tokens_are_enough_and_one_less_is_our_error() -> None:
    rows = cut_rows(np.arange(15, dtype=np.uint16), 3, 4)
    assert rows.flatten().tolist() == list(range(15))
    with pytest.raises(SetupError, match="has 14 tokens, 15 are needed"):
        cut_rows(np.zeros(14, dtype=np.uint16), 3, 4)
