"""A metric of predictions, compared by the host with labels that only the host has.

A model container receives inputs, in an order drawn for this run, and answers so many numbers a row: the host
turns them into probabilities itself (softmax in float64), or takes the one number as it is. A label never
enters a container, so there is nothing to look up; what is left to win unfairly is what a row's answer may
rest on. It must rest on that row alone: an answer that uses the other rows asked about, their order, or a
memory of them is worth nothing where rows come one at a time.

So a value that would be kept is asked for again: its container is ended, the host draws another order, in
which each row has other neighbours, and a fresh container answers. A row whose answer differs by more than
the tolerance refuses the whole; of the two values the worse one counts.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from orchestrator.arrays import ArrayFolder
from orchestrator.errors import ScorerError, SetupError
from orchestrator.policy import MetricPolicy
from orchestrator.ports import CandidateFault, Model, Models, Prospects
from orchestrator.records import Action, Holdout, Run, Score
from orchestrator.scoring.figures import Figure, Floats, Labels, standard_error
from orchestrator.scoring.naming import CHANGED, OTHER_ROWS

_PLACES = 8
Order = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Examples:
    """Held-out inputs [N, ...] with their labels [N], the numbers to answer for each, and rows per batch."""

    inputs: NDArray[np.float32]
    labels: Labels
    outputs: int
    batch_rows: int


@dataclass(frozen=True, slots=True)
class Pass:
    """The order in which rows were asked for, and the answers [N, K], row by row."""

    order: Order
    answers: NDArray[np.float32]


def examples_of(
    data: ArrayFolder, *, rows: int, batch_rows: int, split: Literal["val", "holdout"] = "val"
) -> Examples:
    """Rows of one of a folder's held-out splits, evenly spread. Raises SetupError when there are too few."""
    inputs, labels = data.rows(split)
    if len(inputs) < rows:
        message = f"the held-out split has {len(inputs)} rows, {rows} are needed"
        raise SetupError(message, remedy="prepare more data, or lower eval_rows in task.yaml")
    chosen = np.arange(rows) * (len(inputs) // rows)
    return Examples(inputs[chosen], labels[chosen], data.outputs, batch_rows)


class PredictionsScorer:
    """The port `Scorer` for labelled rows."""

    def __init__(
        self,
        models: Models,
        examples: Examples,
        figure: Figure,
        metric: MetricPolicy,
        holdout: Examples | None = None,
    ) -> None:
        self._models = models
        self._holdout = holdout
        self._examples = examples
        self._figure = figure
        self._metric = metric

    def score(self, run: Run, prospects: Prospects) -> Score:
        """Collect every answer and measure; what would not be discarded is asked for again by other
        neighbours, and what would be kept is measured on the holdout too, which decides nothing.

        What the candidate does wrong is a score without a value.
        """
        started = time.monotonic()
        try:
            with self._models.open(run, keep=True) as model:
                first = self._pass(model, self._examples, started)
            score = measure(first.answers, self._examples, self._figure)
            if score.value is not None and prospects(score.value) is not Action.DISCARD:
                with self._models.open(run) as witness:
                    score = self._challenged(witness, first, score, started)
                    if score.value is not None and prospects(score.value) is Action.KEEP:
                        score = self._with_holdout(witness, score, started)
            if score.value is not None:
                score = replace(score, stderr=self._stderr(first))
        except CandidateFault as fault:
            score = Score(reason=str(fault))
        finally:
            self._models.release(run)
        return replace(score, seconds=time.monotonic() - started)

    def _with_holdout(self, witness: Model, score: Score, started: float) -> Score:
        if self._holdout is None:
            return score
        try:
            answers = self._pass(witness, self._holdout, started).answers
        except CandidateFault as fault:
            return replace(score, holdout=Holdout(reason=str(fault)))
        return replace(score, holdout=Holdout(measure(answers, self._holdout, self._figure).value))

    def _pass(self, model: Model, data: Examples, started: float) -> Pass:
        """Every row asked for in a new order, the first ones again behind the last: every batch is full."""
        shuffled = np.random.default_rng(secrets.randbits(128)).permutation(len(data.inputs))
        order = np.resize(shuffled, -(-len(shuffled) // data.batch_rows) * data.batch_rows)
        answers = np.empty((len(data.inputs), data.outputs), dtype=np.float32)
        for start in range(0, len(order), data.batch_rows):
            if time.monotonic() - started > self._metric.score_seconds:
                raise CandidateFault(f"predicting took longer than {self._metric.score_seconds:g} seconds")
            rows = order[start : start + data.batch_rows]
            answers[rows] = _asked(model, data, rows)
        return Pass(order, answers)

    def _challenged(self, witness: Model, first: Pass, score: Score, started: float) -> Score:
        """The worse of the two values; none when an answer differed by more than the tolerance."""
        data, tolerance = self._examples, self._metric.challenge_tolerance_share
        second = self._pass(witness, data, started).answers
        gaps = differences(first.answers, second, data.labels)
        lies, worst = int((gaps > tolerance).sum()), float(gaps.max())
        again = measure(second, data, self._figure)
        challenge = {"first_value": score.value, "second_value": again.value, "worst": worst, "lies": lies}
        details = {**score.details, "challenge": challenge}
        if not lies:
            return replace(max(score, again, key=self._loss), details=details)
        reason = _named(witness, data, first, gaps, tolerance)
        found = f"{lies} of {len(gaps)} rows, the worst by {worst:.2g}"
        return Score(reason=f"{reason}: {found}; answer each row from its own numbers alone", details=details)

    def _stderr(self, first: Pass) -> float:
        return standard_error(self._figure, self._examples.labels, understood(first.answers))

    def _loss(self, score: Score) -> float:
        if score.value is None:
            raise ScorerError("what was finite has no value")
        return self._figure.direction.loss(score.value)


def _asked(model: Model, data: Examples, rows: Order) -> NDArray[np.float32]:
    """The answers [B, K] for some rows, all of them finite."""
    answers = model.predict(data.inputs[rows], data.outputs)
    if answers.shape != (len(rows), data.outputs):
        raise ScorerError(f"answers of shape {answers.shape} for {len(rows)} rows of {data.outputs}")
    finite = np.isfinite(answers).all(axis=1)
    if not finite.all():
        raise CandidateFault(
            f"predictions were not finite in {(~finite).sum()} of {len(rows)} rows of a batch"
        )
    return answers


def measure(answers: NDArray[np.float32], data: Examples, figure: Figure) -> Score:
    """The score of finite answers [N, K], its standard error still left out."""
    digest = hashlib.sha256(np.ascontiguousarray(answers, dtype="<f4").tobytes()).hexdigest()
    details: dict[str, Any] = {"rows": len(answers), "answers_sha256": digest}
    return Score(value=figure.value(data.labels, understood(answers)), details=details)


def understood(answers: NDArray[np.float32]) -> Floats:
    """Answers [N, K] as probabilities [N, K], normalised here in float64; of one number a row, itself [N]."""
    wide = answers.astype(np.float64)
    if wide.shape[1] == 1:
        return wide[:, 0]
    powers = np.exp(wide - wide.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares


def differences(first: NDArray[np.float32], second: NDArray[np.float32], labels: Labels) -> Floats:
    """How far two answers lie apart, for each row [N]: the largest difference of a probability, or that of
    the number in standard deviations of the labels."""
    gaps = np.abs(understood(first) - understood(second))
    if gaps.ndim == 1:
        return gaps / (float(labels.astype(np.float64).std()) or 1.0)
    most: Floats = gaps.max(axis=1)
    return most


def _named(witness: Model, data: Examples, first: Pass, gaps: Floats, tolerance: float) -> str:
    """Whether the worst rows come true again in the very batches of the first pass: then others mattered."""
    worst = np.argsort(gaps)[-_PLACES:]
    try:
        agree = [_gap_in_its_batch(witness, data, first, row) <= tolerance for row in worst]
    except CandidateFault:
        return CHANGED
    return OTHER_ROWS if sum(agree) * 2 > len(agree) else CHANGED


def _gap_in_its_batch(witness: Model, data: Examples, first: Pass, row: np.intp) -> float:
    at = int(np.flatnonzero(first.order == row)[-1])  # a row that stands twice was answered last there
    start = at - at % data.batch_rows
    again = _asked(witness, data, first.order[start : start + data.batch_rows])[at - start]
    return float(differences(first.answers[row][None], again[None], data.labels)[0])
