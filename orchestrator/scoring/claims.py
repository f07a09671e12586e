"""Bits per byte from a model's claims about every held-out token, corrected by what a second one shows.

A model container receives each held-out row and returns one negative log-likelihood per target
token. The host owns the rows, the byte lengths and the arithmetic, in float64:

    bits per byte = sum(nats) / (ln 2 * sum(bytes of the target tokens))

Targets of zero bytes (special tokens) count in neither sum. The standard error is that of a ratio
of two sums over rows (Cochran, Sampling Techniques, 1977, section 6.4): with r the ratio and n rows
of nats x and bytes y, se = sqrt(n / (n - 1) * sum((x - r*y)^2)) / (ln 2 * sum(y)).

Claims alone would trust the model not to look ahead and to know how likelihoods are computed. So a value
that would be kept is corrected by a challenge (see challenge.py), and refused where claims were lies.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import ScorerError
from orchestrator.policy import MetricPolicy
from orchestrator.ports import CandidateFault, Model, Models, Prospects
from orchestrator.records import Action, Holdout, Run, Score
from orchestrator.scoring.challenge import (
    Correction,
    Cuts,
    Nats,
    blinded,
    correction,
    differences,
    draw_rounds,
    nats_of,
)
from orchestrator.scoring.held_out import HeldOut
from orchestrator.scoring.naming import name_the_lie

NATS_TOLERANCE = 1e-3
_BLOCK_ROWS = 32


class ClaimsScorer:
    """The port `Scorer` for language models."""

    def __init__(
        self, models: Models, held_out: HeldOut, metric: MetricPolicy, holdout: HeldOut | None = None
    ) -> None:
        self._models = models
        self._held_out = held_out
        self._metric = metric
        self._holdout = holdout

    def score(self, run: Run, prospects: Prospects) -> Score:
        """Collect every claim and measure; challenge what would not be discarded, and correct or refuse it.

        What would be kept is measured on the holdout too, which decides nothing. What the candidate does
        wrong is a score without a value.
        """
        started = time.monotonic()
        try:
            with self._models.open(run, keep=True) as model:
                claims = self._claims(model, self._held_out, started)
            score = measure(claims, self._held_out, floor=self._metric.floor)
            if score.value is not None and prospects(score.value) is not Action.DISCARD:
                with self._models.open(run) as witness:
                    score = self._challenged(witness, claims, score, started)
                    if score.value is not None and prospects(score.value) is Action.KEEP:
                        score = self._with_holdout(witness, score, started)
        except CandidateFault as fault:
            score = Score(reason=str(fault))
        finally:
            self._models.release(run)
        return replace(score, seconds=time.monotonic() - started)

    def _with_holdout(self, witness: Model, score: Score, started: float) -> Score:
        """The score with its holdout value beside it: claims alone, of a model whose claims stood the
        challenge. The witness answers no question of the challenge any more."""
        if self._holdout is None:
            return score
        try:
            claims = self._claims(witness, self._holdout, started)
        except CandidateFault as fault:
            return replace(score, holdout=Holdout(reason=str(fault)))
        found = measure(claims, self._holdout, floor=0.0)
        return replace(score, holdout=Holdout(found.value, found.reason, found.stderr))

    def _claims(self, model: Model, held_out: HeldOut, started: float) -> NDArray[np.float32]:
        claims = []
        for batch in held_out.batches():
            self._check_time(started)
            answer = model.claim(batch)
            if answer.shape != (batch.shape[0], batch.shape[1] - 1):
                raise ScorerError(f"claims of shape {answer.shape} for rows of {batch.shape}")
            claims.append(answer)
        return np.concatenate(claims)

    def _challenged(self, witness: Model, claims: NDArray[np.float32], score: Score, started: float) -> Score:
        """The corrected score; without a value when a claim was off by more than the tolerance."""
        random = np.random.default_rng(secrets.randbits(128))
        counted = self._held_out.counted
        drawn = draw_rounds(counted, self._rounds(), random)
        rounds = [(cuts, self._found(witness, claims, cuts, random, started)) for cuts in drawn]
        found = correction(counted, rounds, self._metric.challenge_tolerance_nats)
        if found.lies:
            reason = name_the_lie(witness, self._held_out, claims, rounds)
            return Score(reason=_refusal(reason, found), details=_facts(score, found))
        return corrected(score, found)

    def _rounds(self) -> int:
        return max(1, -(-self._metric.challenge_cuts // len(self._held_out.rows)))

    def _found(
        self,
        witness: Model,
        claims: NDArray[np.float32],
        cuts: Cuts,
        random: np.random.Generator,
        started: float,
    ) -> Nats:
        """The differences of one round, whose cuts were drawn long after the claims were complete."""
        data = self._held_out
        inputs = blinded(data.rows, cuts, data.foreign, random)
        targets = data.rows[cuts.rows, cuts.at + 1].astype(np.int64)
        nats = []
        for start in range(0, len(inputs), data.batch_rows):
            self._check_time(started)
            part = slice(start, start + data.batch_rows)
            nats.append(nats_of(_whole(witness, inputs[part], cuts.at[part], data), targets[part]))
        return differences(claims, cuts, np.concatenate(nats))

    def _check_time(self, started: float) -> None:
        if time.monotonic() - started > self._metric.score_seconds:
            raise CandidateFault(f"predicting took longer than {self._metric.score_seconds:g} seconds")


def _whole(
    witness: Model, inputs: NDArray[np.uint16], cuts: NDArray[np.int64], data: HeldOut
) -> NDArray[np.float32]:
    """Finite logits for every token id. The last batch is filled up, so that each has the claims' shape."""
    missing = data.batch_rows - len(inputs) if len(data.rows) >= data.batch_rows else 0
    filled = np.concatenate([inputs, np.repeat(inputs[-1:], missing, axis=0)])
    places = np.concatenate([cuts, np.repeat(cuts[-1:], missing)])
    logits = witness.answer(filled, places, len(data.token_bytes))[: len(inputs)]
    if not np.isfinite(logits).all():
        raise CandidateFault("predictions were not finite")
    return logits


def corrected(score: Score, found: Correction) -> Score:
    """The score with the challenge's correction and two of its standard errors added, in its own unit.

    A witness that answers better than the claims earns nothing: it has seen the beginnings of other rows.
    """
    if score.value is None:
        raise ValueError("there is nothing to correct")
    bits_per_nat = 1 / (np.log(2) * score.details["bytes"])
    return replace(
        score,
        value=float(score.value + (max(found.nats, 0.0) + 2 * found.stderr) * bits_per_nat),
        stderr=float(np.hypot(score.stderr, found.stderr * bits_per_nat)),
        details=_facts(score, found),
    )


def _facts(score: Score, found: Correction) -> dict[str, Any]:
    challenge = {
        "claimed_value": score.value,
        "correction_nats": found.nats,
        "correction_stderr_nats": found.stderr,
        "worst_nats": found.worst,
        "lies": found.lies,
        "cuts": found.cuts,
    }
    return {**score.details, "challenge": challenge}


def _refusal(reason: str, found: Correction) -> str:
    return f"{reason}: {found.lies} of {found.cuts} claims were off, the worst by {abs(found.worst):.2f} nats"


def measure(nats: NDArray[np.float32], held_out: HeldOut, *, floor: float) -> Score:
    """The score of claims [N, T] in nats: bits per byte with its standard error, or a reason."""
    if not np.isfinite(nats).all():
        return Score(reason="predictions were not finite")
    if nats.min() < -NATS_TOLERANCE:
        return Score(reason="predictions did not sum to one: a likelihood above 1")
    row_nats, row_bytes = _row_sums(nats, held_out)
    if not row_bytes.any():
        raise ScorerError("the held-out rows have no bytes", remedy="prepare the data anew: 'make data'")
    ratio = row_nats.sum() / row_bytes.sum()
    value, stderr = float(ratio / np.log(2)), _stderr(row_nats, row_bytes, ratio)
    digest = hashlib.sha256(np.ascontiguousarray(nats, dtype="<f4").tobytes()).hexdigest()
    details = {"tokens": int(nats.size), "bytes": int(row_bytes.sum()), "claims_sha256": digest}
    return plausible(Score(value=value, stderr=stderr, details=details), floor)


def _row_sums(
    nats: NDArray[np.float32], held_out: HeldOut
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nats of the counted targets and bytes of all targets of each row [N], in blocks that fit a cache."""
    sums = np.zeros((2, len(nats)))
    for start in range(0, len(nats), _BLOCK_ROWS):
        part = slice(start, start + _BLOCK_ROWS)
        lengths = held_out.token_bytes[held_out.rows[part, 1:]]
        sums[0, part] = np.where(lengths > 0, nats[part].astype(np.float64), 0.0).sum(axis=1)
        sums[1, part] = lengths.sum(axis=1)
    return sums[0], sums[1]


def plausible(score: Score, floor: float) -> Score:
    """The score, unless it is too good to be true for text."""
    if score.value is None or score.value >= floor:
        return score
    return Score(reason=f"{score.value:.6f} is below the plausible floor of {floor:g}", details=score.details)


def _stderr(row_nats: NDArray[np.float64], row_bytes: NDArray[np.float64], ratio: float) -> float:
    rows = len(row_nats)
    if rows < 2:
        return 0.0
    spread = np.square(row_nats - ratio * row_bytes).sum() * rows / (rows - 1)
    return float(np.sqrt(spread) / (np.log(2) * row_bytes.sum()))
