"""A run that is hopeless beside the best one is ended early, in real containers; by default none is."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.data import DataFolder
from orchestrator.policy import BudgetPolicy
from orchestrator.records import Curve, Outcome
from orchestrator.sandbox.container import Outfit
from orchestrator.sandbox.engine import Engine
from tests.docker.conftest import Station, attempt_of, candidate, open_station
from tests.docker.workshop import POLICY, Workshop, set_up

pytestmark = pytest.mark.docker

BETTER: Curve = ((0.0, 3.0), (1.0, 3.0))
WORSE: Curve = ((0.0, 12.0), (1.0, 12.0))
SECONDS, SAVE_SECONDS = 14.0, 4.0
FUTILITY = BudgetPolicy(
    train_seconds=SECONDS,
    save_seconds=SAVE_SECONDS,
    grace_seconds=0.5,
    smoke=False,
    futility=True,
    futility_share=0.3,
    futility_in_a_row=2,
)


def saying(station: Station, best: Curve) -> Outcome:
    """Run the candidate that says its loss; how it ended, seen from outside."""
    run = station.sandbox.run(attempt_of(candidate("says_its_loss")), best_progress=best)
    if run.outcome is Outcome.STOPPED:
        assert run.reason.endswith("the training loss 9.000 is 200.0% above the best's")
        assert SECONDS * 0.3 < run.train_seconds < SECONDS * 0.6
        assert run.overrun_seconds < 2.0, "it ignores TERM, and is killed within its grace"
    else:
        assert 32 < len(run.progress) <= 64
    assert {loss for _, loss in run.progress} == {9.0}
    return run.outcome


def test_a_hopeless_run_is_ended_early_others_are_not_and_nothing_is_left(
    engine: Engine, outfit: Outfit, data: DataFolder
) -> None:
    with open_station(engine, outfit, data, FUTILITY) as station:
        assert saying(station, WORSE) is Outcome.COMPLETED
        assert saying(station, ()) is Outcome.COMPLETED, "as a repeat of the best is run"
        ended = [saying(station, BETTER) for _ in range(3)]
        assert ended == [Outcome.STOPPED, Outcome.STOPPED, Outcome.COMPLETED], "one in three runs to its end"
        assert station.leftovers() == []


def test_by_default_nothing_is_ended(engine: Engine, outfit: Outfit, data: DataFolder) -> None:
    budget = BudgetPolicy(train_seconds=SECONDS + 1, save_seconds=SAVE_SECONDS, smoke=False)
    with open_station(engine, outfit, data, budget) as station:
        run = station.sandbox.run(attempt_of(candidate("says_its_loss")), best_progress=BETTER)
    assert run.completed
    assert len(run.progress) > 32, "the curve is recorded all the same"


FIRST = """\
import time
import harness
from torch import nn, zeros


class Unigram(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.row = nn.Parameter(zeros(vocab))

    def forward(self, tokens):
        return self.row.expand(*tokens.shape, len(self.row))


def build_model(config):
    return Unigram(config["vocab"])


LOSS = 3.0


def main():
    while time.monotonic() < harness.deadline():
        print(f"loss={LOSS}", flush=True)
        time.sleep(0.05)
    harness.save(Unigram(harness.vocab_size()), {"vocab": harness.vocab_size()}, {})
"""


def test_a_night_compares_with_the_best_and_records_who_was_ended(
    engine: Engine, data: DataFolder, tmp_path: Path
) -> None:
    shop = Workshop(tmp_path, data.path, engine)
    set_up(tmp_path, FIRST, [FIRST.replace("LOSS = 3.0", "LOSS = 9.0")])
    policy = POLICY.replace("train_seconds: 60.0", f"train_seconds: {SECONDS}, futility: true")
    policy = policy.replace("save_seconds: 1.0", f"save_seconds: {SAVE_SECONDS}")
    (tmp_path / "policy.yaml").write_text(policy)
    done = shop.call("run", "--tag", "night", "--experiments", "2", "--proposer", "replay:proposals")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "discard: stopped_early: at " in done.stdout
    assert any(line.startswith("0002") and "stopped early" in line for line in done.stdout.splitlines())
    first, second = shop.closed("night")
    assert first["action"] == "keep"
    measured = [event for event in shop.events("night") if event["event"] == "attempt_measured"]
    whole, ended = (event["run"] for event in measured)
    assert {loss for _, loss in whole["progress"]} == {3.0}
    assert (second["action"], second["status"], second["values"]) == ("discard", "stopped_early", [])
    assert ended["train_seconds"] < SECONDS * 0.6
    rows = (shop.runs / "night" / "results.tsv").read_text().splitlines()
    assert rows[-1].split("\t")[3:] == ["crash", "stopped early: proposal"]
    assert shop.call("audit", "verify", "--tag", "night").returncode == 0
    assert shop.leftovers("night") == []
