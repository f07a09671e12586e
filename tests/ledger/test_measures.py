"""What a run measures is in its record from the beginning, and numbers of two kinds never meet in it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import LedgerError, SetupError
from orchestrator.ledger.audit import read_events
from orchestrator.ledger.export import read_results_tsv
from orchestrator.ledger.folder import Origin
from orchestrator.ledger.git import GitLedger
from orchestrator.ledger.reading import read_run
from orchestrator.ledger.verification import verify_run
from orchestrator.records import Direction, Experiment, Measure
from tests.ledger.ledger_parts import DISCARD, KEEP, ORIGIN, proposal, scored, settle

ACCURACY = Measure("accuracy", "share", Direction.MAXIMIZE, "predictions")
OWN = replace(ACCURACY, source="result_file")


def origin(measure: Measure) -> Origin:
    return replace(ORIGIN, measure=measure)


def self_reported(experiment: Experiment) -> Experiment:
    assert experiment.score is not None
    return replace(experiment, score=replace(experiment.score, verified=False))


def test_the_metric_stands_in_the_first_line_and_comes_back(tmp_path: Path) -> None:
    with GitLedger(tmp_path / "run", origin(ACCURACY)) as ledger:
        settle(ledger, scored(ledger.open(proposal()), 0.5), KEEP)
    first = next(iter(read_events(tmp_path / "run" / "audit.jsonl")))
    assert first["measure"] == {
        "name": "accuracy",
        "unit": "share",
        "direction": "maximize",
        "source": "predictions",
    }
    with GitLedger(tmp_path / "run", origin(ACCURACY)) as ledger:
        evidence = ledger.evidence()
        assert (evidence.best_value, evidence.best_number, evidence.best.values) == (0.5, 1, (-0.5,))
    assert read_run(tmp_path / "run").measure == ACCURACY


@pytest.mark.parametrize(
    "other",
    [
        replace(ACCURACY, source="result_file"),
        replace(ACCURACY, name="f1"),
        replace(ACCURACY, direction=Direction.MINIMIZE),
        replace(ACCURACY, unit="per cent"),
    ],
)
def test_a_run_is_not_taken_up_with_another_metric(tmp_path: Path, other: Measure) -> None:
    with GitLedger(tmp_path / "run", origin(ACCURACY)):
        pass
    with pytest.raises(SetupError, match="was made with another metric") as refusal:
        GitLedger(tmp_path / "run", origin(other))
    assert "\n" not in refusal.value.message
    assert "choose another --tag" in refusal.value.remedy


@pytest.mark.parametrize("measure", [ACCURACY, OWN])
def test_a_number_of_the_other_kind_is_never_kept(tmp_path: Path, measure: Measure) -> None:
    with GitLedger(tmp_path / "run", origin(measure)) as ledger:
        experiment = scored(ledger.open(proposal()), 0.5)
        foreign = self_reported(experiment) if measure.verified else experiment
        with pytest.raises(LedgerError, match="no value of this run's kind"):
            settle(ledger, foreign, KEEP)
        assert ledger.evidence().best_value is None


def test_a_self_reported_number_is_called_so_in_every_export(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with GitLedger(folder, origin(OWN)) as ledger:
        settle(ledger, self_reported(scored(ledger.open(proposal()), 0.5)), KEEP)
        settle(ledger, self_reported(scored(ledger.open(proposal(2)), 0.4)), DISCARD)
        assert [entry.verified for entry in ledger.history().entries] == [False, False]
    table = (folder / "results.tsv").read_text().splitlines()
    assert table[0].split("\t")[1] == "accuracy"
    assert all(row.split("\t")[4].startswith("[self-reported] ") for row in table[1:])
    assert [row.val_bpb for row in read_results_tsv(folder / "results.tsv")] == [0.5, 0.4]
    assert json.loads((folder / "experiments/0001/score.json").read_text())["score"]["verified"] is False
    assert [entry.verified for entry in read_run(folder).entries] == [False, False]
    assert verify_run(folder) == []
