"""The operator's log: one JSON line for each thing that happened, for machines to read.

It decides nothing and proves nothing; the audit log is the ledger's.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, TextIO

import structlog

from orchestrator.records import Attempt, Decision, Experiment, Run


class Journal:
    """The port `Watcher` over structlog: past-tense facts with fields, one JSON object a line."""

    def __init__(self, stream: TextIO) -> None:
        self._log = structlog.wrap_logger(
            structlog.WriteLogger(stream),
            processors=[
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.JSONRenderer(sort_keys=True),
            ],
        )

    def proposing(self, proposer: str) -> None:
        self._log.info("proposal_requested", proposer=proposer)

    def opened(self, attempt: Attempt) -> None:
        spent = {f"spent_{name}": value for name, value in asdict(attempt.spent).items()}
        fields = {"commit": attempt.commit, "seed": attempt.seed, **spent}
        self._log.info("attempt_opened", attempt=attempt.number, **fields)

    def training(self, attempt: Attempt) -> None:
        self._log.info("run_started", attempt=attempt.number)

    def scoring(self, attempt: Attempt, run: Run) -> None:
        self._log.info("run_ended", attempt=attempt.number, **_run_fields(run))

    def measured(self, experiment: Experiment, decision: Decision) -> None:
        self._log.info(
            "attempt_measured",
            attempt=experiment.attempt.number,
            seed=experiment.attempt.seed,
            next=decision.action.value,
            reason=decision.reason,
            value=experiment.value,
        )

    def closed(self, experiment: Experiment, decision: Decision) -> None:
        run = _run_fields(experiment.run) if experiment.run else {}
        self._log.info(
            "attempt_closed",
            attempt=experiment.attempt.number,
            action=decision.action.value,
            reason=decision.reason,
            status=experiment.status,
            value=experiment.value,
            verified=experiment.score.verified if experiment.score else None,
            score_seconds=experiment.score.seconds if experiment.score else None,
            **run,
        )


def _run_fields(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "outcome": run.outcome.value,
        "train_seconds": round(run.train_seconds, 3),
        "log_bytes": run.log_bytes,
    }
