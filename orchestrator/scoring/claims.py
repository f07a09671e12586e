"""Bits per byte from a model's own claims about every held-out token.

A model container receives each held-out row and returns one negative log-likelihood per target
token. The host owns the rows, the byte lengths and the arithmetic, in float64:

    bits per byte = sum(nats) / (ln 2 * sum(bytes of the target tokens))

Targets of zero bytes (special tokens) count in neither sum. The standard error is that of a ratio
of two sums over rows (Cochran, Sampling Techniques, 1977, section 6.4): with r the ratio and n rows
of nats x and bytes y, se = sqrt(n / (n - 1) * sum((x - r*y)^2)) / (ln 2 * sum(y)).

Claims alone trust the model not to look ahead; that is what a challenge tests.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import ScorerError, SetupError
from orchestrator.policy import MetricPolicy
from orchestrator.ports import CandidateFault, Model, Models
from orchestrator.records import Run, Score

NATS_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Held-out rows [N, T + 1], the bytes of every token id [V], and rows per batch."""

    rows: NDArray[np.uint16]
    token_bytes: NDArray[np.int64]
    batch_rows: int

    def batches(self) -> Iterator[NDArray[np.uint16]]:
        for start in range(0, len(self.rows), self.batch_rows):
            yield self.rows[start : start + self.batch_rows]


def cut_rows(tokens: NDArray[np.uint16], count: int, length: int) -> NDArray[np.uint16]:
    """The first `count` rows of `length` + 1 tokens; each starts with the last target before it.

    Raises SetupError when there are too few tokens.
    """
    needed = count * length + 1
    if len(tokens) < needed:
        raise SetupError(
            f"the held-out split has {len(tokens)} tokens, {needed} are needed",
            remedy="prepare more data, or lower eval_rows in task.yaml",
        )
    starts = np.arange(count)[:, None] * length
    rows: NDArray[np.uint16] = tokens[starts + np.arange(length + 1)[None, :]]
    return rows


class ClaimsScorer:
    """The port `Scorer` for language models."""

    def __init__(self, models: Models, held_out: HeldOut, metric: MetricPolicy) -> None:
        self._models = models
        self._held_out = held_out
        self._metric = metric

    def score(self, run: Run) -> Score:
        """Collect every claim, then measure. What the candidate does wrong is a score without a value."""
        started = time.monotonic()
        try:
            with self._models.open(run) as model:
                nats = self._claims(model, started)
        except CandidateFault as fault:
            return Score(reason=str(fault), seconds=time.monotonic() - started)
        return measure(nats, self._held_out, floor=self._metric.floor, seconds=time.monotonic() - started)

    def _claims(self, model: Model, started: float) -> NDArray[np.float32]:
        claims = []
        for batch in self._held_out.batches():
            if time.monotonic() - started > self._metric.score_seconds:
                raise CandidateFault(f"predicting took longer than {self._metric.score_seconds:g} seconds")
            answer = model.claim(batch)
            if answer.shape != (batch.shape[0], batch.shape[1] - 1):
                raise ScorerError(f"claims of shape {answer.shape} for rows of {batch.shape}")
            claims.append(answer)
        return np.concatenate(claims)


def measure(nats: NDArray[np.float32], held_out: HeldOut, *, floor: float, seconds: float) -> Score:
    """The score of claims [N, T] in nats: bits per byte with its standard error, or a reason."""
    if not np.isfinite(nats).all():
        return Score(reason="predictions were not finite", seconds=seconds)
    if nats.min() < -NATS_TOLERANCE:
        return Score(reason="predictions did not sum to one: a likelihood above 1", seconds=seconds)
    lengths = held_out.token_bytes[held_out.rows[:, 1:]]
    row_nats = np.where(lengths > 0, nats.astype(np.float64), 0.0).sum(axis=1)
    row_bytes = lengths.sum(axis=1).astype(np.float64)
    if not row_bytes.any():
        raise ScorerError("the held-out rows have no bytes", remedy="prepare the data anew: 'make data'")
    ratio = row_nats.sum() / row_bytes.sum()
    value, stderr = float(ratio / np.log(2)), _stderr(row_nats, row_bytes, ratio)
    if value < floor:
        reason = f"{value:.6f} is below the plausible floor of {floor:g}"
        return Score(reason=reason, seconds=seconds)
    digest = hashlib.sha256(np.ascontiguousarray(nats, dtype="<f4").tobytes()).hexdigest()
    details = {"tokens": int(nats.size), "bytes": int(row_bytes.sum()), "claims_sha256": digest}
    return Score(value=value, stderr=stderr, seconds=seconds, details=details)


def _stderr(row_nats: NDArray[np.float64], row_bytes: NDArray[np.float64], ratio: float) -> float:
    rows = len(row_nats)
    if rows < 2:
        return 0.0
    spread = np.square(row_nats - ratio * row_bytes).sum() * rows / (rows - 1)
    return float(np.sqrt(spread) / (np.log(2) * row_bytes.sum()))
