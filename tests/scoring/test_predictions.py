"""Labelled rows: what the host computes from answers, and what it makes of those that rest on other rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from orchestrator.policy import MetricPolicy
from orchestrator.ports import CandidateFault
from orchestrator.records import Action, Outcome, ResultFile, Run
from orchestrator.scoring.figures import FIGURES, standard_error
from orchestrator.scoring.predictions import Examples, PredictionsScorer, differences, measure, understood

ROWS, BATCH, CLASSES = 50, 8, 3
RUN = Run("run", Outcome.COMPLETED, 1.0, result=ResultFile({}, {}, "a", "b", 1))
METRIC = MetricPolicy(source="predictions")
RANDOM = np.random.default_rng(3)
INPUTS = RANDOM.normal(size=(ROWS, 4)).astype(np.float32)
WEIGHTS = RANDOM.normal(size=(4, CLASSES)).astype(np.float32)
CLASSED = Examples(INPUTS, (INPUTS @ WEIGHTS + RANDOM.gumbel(size=(ROWS, CLASSES))).argmax(1), CLASSES, BATCH)
NUMBERED = Examples(INPUTS, INPUTS.sum(axis=1), 1, BATCH)

Answers = NDArray[np.float32]
Answer = Callable[[Answers], Answers]


def honest(inputs: Answers) -> Answers:
    scores: Answers = inputs @ WEIGHTS
    return scores


@dataclass
class Models:
    """Opens the model `answer`; remembers the batches that it was asked for, container by container."""

    answer_: Answer
    batches: list[list[Answers]] = field(default_factory=list)
    released: bool = False

    @contextmanager
    def open(self, _: Run, *, keep: bool = False) -> Iterator[Models]:
        assert keep is (not self.batches), "the output is kept for one container more"
        self.batches.append([])
        yield self

    def release(self, _: Run) -> None:
        self.released = True

    def predict(self, inputs: Answers, outputs: int) -> Answers:
        assert (len(inputs), outputs) == (BATCH, CLASSES), "every batch has one shape"
        self.batches[-1].append(inputs)
        return self.answer_(inputs)

    def claim(self, _: NDArray[np.uint16]) -> Answers:
        raise AssertionError("there is no text here")

    def answer(self, _: NDArray[np.uint16], __: NDArray[np.int64], ___: int) -> Answers:
        raise AssertionError("there is no text here")


def scored(models: Models, *, promising: bool = True, figure: str = "accuracy") -> Any:
    scorer = PredictionsScorer(models, CLASSED, FIGURES[figure], METRIC)
    return scorer.score(RUN, lambda _: Action.REPEAT if promising else Action.DISCARD)


def test_an_honest_model_has_the_accuracy_that_counting_gives() -> None:
    models = Models(honest)
    score = scored(models)
    assert score.value == pytest.approx((honest(INPUTS).argmax(axis=1) == CLASSED.labels).mean())
    assert score.verified
    assert score.stderr == pytest.approx(math.sqrt(score.value * (1 - score.value) / ROWS), rel=0.25)
    assert score.details["challenge"] == {
        "first_value": score.value,
        "second_value": score.value,
        "worst": 0.0,
        "lies": 0,
    }
    assert models.released


def test_a_second_container_sees_every_row_again_in_another_order_among_others() -> None:
    models = Models(honest)
    scored(models)
    first, second = (np.concatenate(batches) for batches in models.batches)
    assert not np.array_equal(first, second)
    for rows in (first, second):
        assert {row.tobytes() for row in rows} == {row.tobytes() for row in INPUTS}
    assert not np.array_equal(first[:ROWS], INPUTS)


def test_each_run_is_asked_in_another_order() -> None:
    runs = [Models(honest), Models(honest)]
    for models in runs:
        scored(models, promising=False)
    assert [len(models.batches) for models in runs] == [1, 1]
    one, other = (np.concatenate(models.batches[0]) for models in runs)
    assert not np.array_equal(one, other)


def by_place(inputs: Answers) -> Answers:
    return honest(inputs) + 4 * np.eye(CLASSES, dtype=np.float32)[np.arange(len(inputs)) % CLASSES]


def by_neighbours(inputs: Answers) -> Answers:
    scores = honest(inputs)
    normal: Answers = (scores - scores.mean(axis=0)) / scores.std(axis=0)
    return normal


def by_memory() -> Answer:
    seen = [0]

    def answer(inputs: Answers) -> Answers:
        seen[0] += 1
        return honest(inputs) * (1 + seen[0] % 3)

    return answer


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (by_place, "predictions depended on other rows: "),
        (by_neighbours, "predictions depended on other rows: "),
        (by_memory(), "predictions changed between passes: "),
    ],
)
def test_an_answer_that_rests_on_more_than_its_row_is_refused_by_name(answer: Answer, reason: str) -> None:
    score = scored(Models(answer))
    assert score.value is None
    assert score.reason.startswith(reason)
    assert f"of {ROWS} rows" in score.reason
    assert score.details["challenge"]["lies"] > 0


def test_the_same_answers_are_believed_where_nothing_would_be_kept() -> None:
    models = Models(by_place)
    assert scored(models, promising=False).value is not None
    assert len(models.batches) == 1


def test_rounding_is_no_lie_and_the_worse_of_two_values_counts() -> None:
    shaken = np.random.default_rng(4)
    score = scored(Models(lambda inputs: honest(inputs) + shaken.normal(0, 0.005, 1).astype(np.float32)))
    assert score.value is not None

    def shaky(inputs: Answers) -> Answers:
        return honest(inputs) * np.float32(shaken.uniform(0.99, 1.01))

    score = scored(Models(shaky), figure="log_loss")
    challenge = score.details["challenge"]
    assert challenge["first_value"] != challenge["second_value"]
    assert score.value == max(challenge["first_value"], challenge["second_value"])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused_with_how_much_of_it_there_is(value: float) -> None:
    def broken(inputs: Answers) -> Answers:
        answers = honest(inputs).copy()
        answers[1, 2] = value
        return answers

    score = scored(Models(broken))
    assert score.value is None
    assert score.reason == f"predictions were not finite in 1 of {BATCH} rows of a batch"


def test_a_container_that_does_not_answer_is_the_candidates_doing() -> None:
    def silent(_: Answers) -> Answers:
        raise CandidateFault("predicting took too long")

    models = Models(silent)
    assert scored(models).reason == "predicting took too long"
    assert models.released


def test_too_slow_a_model_is_refused() -> None:
    metric = METRIC.model_copy(update={"score_seconds": 1e-9})
    score = PredictionsScorer(Models(honest), CLASSED, FIGURES["accuracy"], metric).score(
        RUN, lambda _: Action.REPEAT
    )
    assert "took longer than" in score.reason


def test_probabilities_are_the_hosts_own_whatever_is_added_to_a_row() -> None:
    answers = honest(INPUTS)
    shifted = answers + np.float32(300)
    assert understood(answers).sum(axis=1) == pytest.approx(1.0)
    assert understood(shifted) == pytest.approx(understood(answers), abs=1e-4)
    plain = understood(answers)[np.arange(ROWS), CLASSED.labels]
    value = measure(answers, CLASSED, FIGURES["log_loss"]).value
    assert value == pytest.approx(-np.log(plain).mean())


def test_the_largest_numbers_that_there_are_have_a_finite_loss() -> None:
    answers = np.zeros((ROWS, CLASSES), dtype=np.float32)
    answers[np.arange(ROWS), (CLASSED.labels + 1) % CLASSES] = np.finfo(np.float32).max
    score = measure(answers, CLASSED, FIGURES["log_loss"])
    assert score.value is not None
    assert 30 < score.value < 40, "a probability of nothing is cut off at the smallest step of a double"


def test_f1_is_the_mean_of_the_classes_own() -> None:
    predicted, labels = honest(INPUTS).argmax(axis=1), CLASSED.labels
    each = []
    for name in range(CLASSES):
        both = ((predicted == name) & (labels == name)).sum()
        each.append(2 * both / ((predicted == name).sum() + (labels == name).sum()))
    assert measure(honest(INPUTS), CLASSED, FIGURES["f1"]).value == pytest.approx(np.mean(each))


def test_the_error_of_numbers_is_in_their_own_unit() -> None:
    answers = (NUMBERED.labels + np.where(np.arange(ROWS) % 2, 3.0, -3.0)).astype(np.float32)[:, None]
    score = measure(answers, NUMBERED, FIGURES["rmse"])
    assert score.value == pytest.approx(3.0, rel=1e-6)
    found = standard_error(FIGURES["rmse"], NUMBERED.labels, understood(answers))
    assert found == pytest.approx(0.0, abs=1e-6), "every row is as far off"


def test_the_standard_error_of_an_accuracy_is_near_the_binomial_one_and_the_same_each_time() -> None:
    labels = (np.arange(1000) % 10 == 0).astype(np.int64)
    answers = np.tile(np.array([0.9, 0.1]), (1000, 1))
    found = standard_error(FIGURES["accuracy"], labels, answers)
    assert found == pytest.approx(math.sqrt(0.9 * 0.1 / 1000), rel=0.2)
    assert found == standard_error(FIGURES["accuracy"], labels, answers)


def test_numbers_lie_apart_by_standard_deviations_of_the_labels_and_classes_by_a_probability() -> None:
    labels = np.array([0.0, 20.0], dtype=np.float32)
    first, second = np.array([[1.0], [2.0]], dtype=np.float32), np.array([[1.0], [7.0]], dtype=np.float32)
    assert differences(first, second, labels).tolist() == [0.0, 0.5]
    sure, unsure = np.array([[0.0, 100.0]], dtype=np.float32), np.zeros((1, 2), dtype=np.float32)
    assert differences(sure, unsure, labels).tolist() == [0.5]
