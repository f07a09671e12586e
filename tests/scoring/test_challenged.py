"""The whole scorer against models that are functions: when it challenges, in which order, what it refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from orchestrator.policy import MetricPolicy
from orchestrator.records import Action, Outcome, ResultFile, Run
from orchestrator.scoring.claims import ClaimsScorer
from orchestrator.scoring.held_out import HeldOut

VOCAB, ROWS, LENGTH = 12, 24, 10
RUN = Run("run", Outcome.COMPLETED, 1.0, result=ResultFile({}, {}, "a", "b", 1))
METRIC = MetricPolicy(floor=0.0, challenge_cuts=60)
TOKENS = np.random.default_rng(2).integers(0, VOCAB, (ROWS, LENGTH + 1)).astype(np.uint16)
DATA = HeldOut(TOKENS, np.ones(VOCAB, dtype=np.int64), 8, np.full(64, 3, dtype=np.uint16))
TABLE = np.random.default_rng(5).normal(size=(VOCAB, VOCAB)).astype(np.float32)

Logits = Callable[[NDArray[np.uint16]], NDArray[np.float32]]


def honest(inputs: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Logits [B, T, V] from the token before alone."""
    logits: NDArray[np.float32] = TABLE[inputs]
    return logits


def ahead(inputs: NDArray[np.uint16]) -> NDArray[np.float32]:
    """The same, leaning towards the token that really comes."""
    known = np.eye(VOCAB, dtype=np.float32)[np.roll(inputs, -1, axis=1)]
    return honest(inputs) + 5 * known


@dataclass
class Models:
    """Opens the model `logits`; `scale` is what its own loss function does to true likelihoods."""

    logits: Logits
    scale: float = 1.0
    diary: list[str] = field(default_factory=list)

    @contextmanager
    def open(self, _: Run, *, keep: bool = False) -> Iterator[Models]:
        self.diary.append("open, to be kept" if keep else "open")
        yield self
        self.diary.append("ended")

    def release(self, _: Run) -> None:
        self.diary.append("released")

    def claim(self, rows: NDArray[np.uint16]) -> NDArray[np.float32]:
        self.diary.append("claim")
        wide = self.logits(rows[:, :-1]).astype(np.float64)
        real = np.take_along_axis(wide, rows[:, 1:, None].astype(np.int64), axis=2)[..., 0]
        nats = self.scale * (np.log(np.exp(wide).sum(axis=2)) - real)
        claims: NDArray[np.float32] = nats.astype(np.float32)
        return claims

    def answer(
        self, inputs: NDArray[np.uint16], cuts: NDArray[np.int64], vocab_size: int
    ) -> NDArray[np.float32]:
        assert vocab_size == VOCAB
        assert len(inputs) == DATA.batch_rows, "every batch has the shape of the claims'"
        self.diary.append("answer")
        return self.logits(inputs)[np.arange(len(inputs)), cuts]

    def predict(self, _: NDArray[np.float32], __: int) -> NDArray[np.float32]:
        raise AssertionError("nobody asks a language model for predictions of labels")


def discarded(_: float) -> Action:
    return Action.DISCARD


def repeated(_: float) -> Action:
    return Action.REPEAT


def test_an_honest_model_is_measured_claimed_first_and_challenged_in_another_container() -> None:
    models = Models(honest)
    score = ClaimsScorer(models, DATA, METRIC).score(RUN, repeated)
    assert score.value == pytest.approx(score.details["challenge"]["claimed_value"], abs=1e-6)
    assert score.details["challenge"]["cuts"] == 3 * ROWS
    claims, answers = 3, 3 * 3
    wanted = [
        "open, to be kept",
        *["claim"] * claims,
        "ended",
        "open",
        *["answer"] * answers,
        "ended",
        "released",
    ]
    assert models.diary == wanted


def test_what_is_not_promising_is_let_go_unchallenged() -> None:
    models = Models(honest)
    score = ClaimsScorer(models, DATA, METRIC).score(RUN, discarded)
    assert score.value is not None
    assert models.diary[-2:] == ["ended", "released"]
    assert "challenge" not in score.details


@pytest.mark.parametrize(
    ("models", "reason"),
    [
        (Models(ahead), "predictions used later tokens: "),
        (Models(honest, scale=0.5), "predictions did not sum to one: "),
    ],
)
def test_a_lie_has_no_value_and_a_reason(models: Models, reason: str) -> None:
    score = ClaimsScorer(models, DATA, METRIC).score(RUN, repeated)
    assert score.value is None
    assert score.reason.startswith(reason)
    assert score.details["challenge"]["lies"] > 0


def test_a_lie_below_the_tolerance_is_corrected_away() -> None:
    fair = ClaimsScorer(Models(honest), DATA, METRIC).score(RUN, discarded)
    small = Models(honest, scale=0.99)
    score = ClaimsScorer(small, DATA, METRIC).score(RUN, repeated)
    assert fair.value is not None
    assert score.value is not None
    assert score.details["challenge"]["claimed_value"] < fair.value
    assert fair.value - 1e-3 < score.value < fair.value + 0.05


def test_a_witness_that_answers_better_than_the_claims_earns_nothing() -> None:
    metric = METRIC.model_copy(update={"challenge_tolerance_nats": 10.0})
    worse = Models(honest, scale=1.4)
    claimed = ClaimsScorer(worse, DATA, metric).score(RUN, discarded).value
    score = ClaimsScorer(worse, DATA, metric).score(RUN, repeated)
    assert score.details["challenge"]["correction_nats"] < 0
    assert claimed is not None
    assert score.value is not None
    assert score.value >= claimed


HOLDOUT = HeldOut(TOKENS[::-1].copy(), DATA.token_bytes, DATA.batch_rows, DATA.foreign)


def test_what_would_be_kept_is_measured_on_the_holdout_after_its_challenge() -> None:
    models = Models(honest)
    score = ClaimsScorer(models, DATA, METRIC, HOLDOUT).score(RUN, lambda _: Action.KEEP)
    assert score.holdout is not None
    assert score.holdout.value == pytest.approx(score.value, abs=1e-4)
    last_claim = len(models.diary) - 1 - models.diary[::-1].index("claim")
    last_answer = len(models.diary) - 1 - models.diary[::-1].index("answer")
    assert last_claim > last_answer


@pytest.mark.parametrize("prospects", [discarded, repeated])
def test_what_would_not_be_kept_never_sees_the_holdout(prospects: Callable[[float], Action]) -> None:
    models = Models(honest)
    score = ClaimsScorer(models, DATA, METRIC, HOLDOUT).score(RUN, prospects)
    assert score.holdout is None
    assert models.diary.count("claim") == len(TOKENS) // DATA.batch_rows


def test_a_lie_never_sees_the_holdout() -> None:
    score = ClaimsScorer(Models(ahead), DATA, METRIC, HOLDOUT).score(RUN, lambda _: Action.KEEP)
    assert (score.value, score.holdout) == (None, None)


def test_a_value_that_the_challenge_made_worse_may_not_be_kept_any_more() -> None:
    models = Models(honest, scale=0.999)
    asked: list[float] = []

    def prospects(value: float) -> Action:
        asked.append(value)
        return Action.KEEP if len(asked) == 1 else Action.DISCARD

    score = ClaimsScorer(models, DATA, METRIC, HOLDOUT).score(RUN, prospects)
    assert asked[1] == score.value
    assert asked[1] > asked[0]
    assert score.holdout is None
