"""Nights with something odd in them: what comes after must be decided as if it had never been."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from orchestrator.budget import Budget
from orchestrator.errors import LedgerError
from orchestrator.futility import hopeless
from orchestrator.ledger.git import GitLedger
from orchestrator.ledger.verification import verify_run
from orchestrator.loop import run_night
from orchestrator.policy import BudgetPolicy, DecisionPolicy
from orchestrator.records import Action, Attempt, Decision, Outcome, ResultFile, Run
from orchestrator.scoring.result_file import ResultFileScorer
from orchestrator.testing import FakeSandbox
from tests.lab_parts import RESULT, Night, proposing
from tests.ledger.ledger_parts import DISCARD, KEEP, ORIGIN, crashed, proposal, scored, settle

RULES = DecisionPolicy()
BASELINE = [1.0, 1.001, 0.999]


@pytest.mark.parametrize("awful", [1e3, 1e6, 1e30])
def test_an_awful_attempt_makes_no_equal_one_look_better(awful: float) -> None:
    night = Night(proposing("awful", "the same"), values=[*BASELINE, awful, *[1.0] * 60], rules=RULES)
    run_night(night.lab(), Budget(experiments=3))
    assert night.actions() == ["keep", "discard", "discard"]


def test_an_attempt_that_diverged_once_hides_no_clear_gain_after_it() -> None:
    values = [*BASELINE, 0.994, 3.0, *[0.96, 0.961] * 30]
    night = Night(proposing("diverges", "better"), values=values, rules=RULES)
    run_night(night.lab(), Budget(experiments=3))
    ended = night.memory.history().entries[-1]
    assert (ended.title, ended.action) == ("better", Action.KEEP)


def test_held_attempts_are_no_evidence_for_what_changes_do() -> None:
    night = Night(proposing("a", "b", "c"), values=[*BASELINE, *[0.5] * 3], rules=RULES)
    run_night(night.lab(), Budget(experiments=4))
    assert night.actions() == ["keep", "hold", "hold", "hold"]
    assert len(night.memory.evidence().night.attempts) == 1


@pytest.mark.parametrize("value", [1e31, -1e200, float("inf")])
def test_a_number_that_no_decision_can_reckon_with_is_no_value(value: float) -> None:
    run = Run("run", Outcome.COMPLETED, 1.0, result=ResultFile({}, {"reward": value}, "a", "b", 1))
    models = Releasing()
    assert ResultFileScorer(models, "reward").score(run, lambda _: Action.KEEP).value is None
    assert models.released == [run]


class Releasing:
    """Models that are never opened."""

    def __init__(self) -> None:
        self.released: list[Run] = []

    def open(self, run: Run, *, keep: bool = False) -> NoReturn:
        raise AssertionError(f"{run.run_id} is opened, to be kept: {keep}")

    def release(self, run: Run) -> None:
        self.released.append(run)


def test_an_orderly_end_is_no_interruption(tmp_path: Path) -> None:
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        ledger.measure(scored(ledger.open(proposal()), 2.0), 1)
        ledger.record("night_ended", reason="stopped")
    for _ in range(3):
        with GitLedger(tmp_path / "night", ORIGIN) as ledger:
            assert ledger.recover() is not None
            ledger.record("night_ended", reason="stopped before it ran")


def test_a_rerun_of_the_best_that_failed_before_a_crash_leaves_the_exports_true(tmp_path: Path) -> None:
    folder = tmp_path / "night"

    def die(step: str) -> None:
        if step == "measure:event" and len(ledger.history().entries) == 1:
            raise KeyboardInterrupt

    with GitLedger(folder, ORIGIN, at=die) as ledger:
        settle(ledger, scored(ledger.open(proposal(1)), 2.0), KEEP)
        ledger.open(proposal(2))
        with pytest.raises(KeyboardInterrupt):
            ledger.measure(crashed(ledger.next_run(1)), 2)
    with GitLedger(folder, ORIGIN) as ledger:
        assert (ledger.evidence().best.tried, ledger.evidence().best_value) == (2, 2.0)
    assert verify_run(folder) == []
    assert '"value": 2.0' in (folder / "experiments/0001/score.json").read_text()


def test_a_run_of_a_third_attempt_serves_nobody(tmp_path: Path) -> None:
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        settle(ledger, scored(ledger.open(proposal(1)), 2.0), KEEP)
        settle(ledger, scored(ledger.open(proposal(2)), 3.0), DISCARD)
        third = ledger.open(proposal(3))
        with pytest.raises(LedgerError, match="neither attempt 0003 nor the best"):
            ledger.measure(scored(ledger.next_run(2), 1.0), third.number)
        settle(ledger, scored(third, 1.0), Decision(Action.DISCARD, "no"))
    assert verify_run(tmp_path / "night") == []


def test_two_points_at_one_moment_divide_by_nothing() -> None:
    best = ((0.4375, 2.0), (0.4375, 1.9), (0.6, 1.8), (0.8, 1.7))
    assert hopeless(((0.4375, 2.0),), best, BudgetPolicy(futility=True)) == ""


def test_what_has_a_value_already_is_never_ended_early() -> None:
    curves: list[object] = []

    def run(attempt: Attempt) -> Run:
        assert isinstance(lab.sandbox, FakeSandbox)
        curves.append(lab.sandbox.best_progress)
        return Run(f"run-{attempt.name}", Outcome.COMPLETED, 1.0, result=RESULT, progress=((0.5, 1.0),))

    night = Night(proposing("close"), values=[*BASELINE, *[0.996, 1.0] * 30], run=run, rules=RULES)
    lab = night.lab()
    run_night(lab, Budget(experiments=2))
    assert [number for number, _ in night.ran][:4] == [1, 1, 1, 2]
    assert curves[3] == ((0.5, 1.0),)
    assert len(curves) > 4
    assert all(curve == () for curve in curves[4:])
