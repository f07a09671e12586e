"""The curve of a run in the record: the best's is there again after a start, an early end is told as one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.ledger.git import GitLedger
from orchestrator.ledger.verification import verify_run
from orchestrator.ports import Ledger
from orchestrator.records import Attempt, Curve, Experiment, Outcome, Run, Verdict
from orchestrator.testing import MemoryLedger
from tests.ledger.ledger_parts import DISCARD, KEEP, ORIGIN, TEMPLATE, proposal, scored, settle

CURVE: Curve = ((0.0156, 8.0), (0.5, 4.123456), (1.0, 3.5))
KINDS: dict[str, Callable[[Path], Ledger]] = {
    "git": lambda folder: GitLedger(folder / "night", ORIGIN),
    "memory": lambda _: MemoryLedger(TEMPLATE),
}


def with_curve(attempt: Attempt, value: float, curve: Curve) -> Experiment:
    experiment = scored(attempt, value)
    assert experiment.run is not None
    return replace(experiment, run=replace(experiment.run, progress=curve))


def ended_early(attempt: Attempt) -> Experiment:
    run = Run("run-9", Outcome.STOPPED, 9.0, reason="at 45% of the time", progress=CURVE[:2])
    return Experiment(attempt, Verdict(), run)


@pytest.mark.parametrize("kind", KINDS)
def test_the_evidence_holds_the_curve_of_the_best_and_of_no_other(tmp_path: Path, kind: str) -> None:
    ledger = KINDS[kind](tmp_path)
    assert ledger.evidence().best_progress == ()
    settle(ledger, with_curve(ledger.open(proposal(1)), 2.0, CURVE), KEEP)
    settle(ledger, with_curve(ledger.open(proposal(2)), 2.5, ((0.5, 1.0),)), DISCARD)
    settle(ledger, ended_early(ledger.open(proposal(3))), DISCARD)
    assert ledger.evidence().best_progress == CURVE
    settle(ledger, with_curve(ledger.open(proposal(4)), 1.5, ()), KEEP)
    assert ledger.evidence().best_progress == (), "the new best said nothing"


def test_the_bests_curve_is_built_again_from_the_log(tmp_path: Path) -> None:
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        settle(ledger, with_curve(ledger.open(proposal(1)), 2.0, CURVE), KEEP)
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        assert ledger.evidence().best_progress == CURVE


def test_an_early_end_is_a_discard_with_its_reason_and_a_row_that_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    with GitLedger(folder, ORIGIN) as ledger:
        settle(ledger, ended_early(ledger.open(proposal(1))), DISCARD)
        entry = ledger.history().entries[0]
    assert (entry.status, entry.value) == ("stopped_early", None)
    assert entry.reason == "not better (stopped_early: at 45% of the time)"
    row = (folder / "results.tsv").read_text().splitlines()[1].split("\t")
    assert row[1:] == ["0.000000", "0.0", "crash", "stopped early: depth 2"]
    result = json.loads((folder / "experiments/0001/result.json").read_text())
    assert result["progress"] == [list(point) for point in CURVE[:2]]
    assert verify_run(folder) == []
