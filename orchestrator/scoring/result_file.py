"""The number that a candidate wrote into its own result file: self-reported, and always called so."""

from __future__ import annotations

import math

from orchestrator.ports import Models, Prospects
from orchestrator.records import Run, Score

LARGEST = 1e30  # of what a decision can reckon with


class ResultFileScorer:
    """The port `Scorer` where nothing is measured: `name` is the key among the result file's claims."""

    def __init__(self, models: Models, name: str) -> None:
        self._models = models
        self._name = name

    def score(self, run: Run, prospects: Prospects) -> Score:  # noqa: ARG002 - nothing can be checked
        """What the candidate says of itself, if it is a finite number. None of its code is loaded."""
        self._models.release(run)
        value = run.result.claims.get(self._name) if run.result else None
        if value is None or not math.isfinite(value) or abs(value) > LARGEST:
            wanted = f"no number {self._name!r} up to {LARGEST:g}"
            reason = f"result.json has {wanted}: give it to harness.save in stats"
            return Score(reason=reason, verified=False)
        return Score(value=value, verified=False)
