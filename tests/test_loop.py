"""A whole night of doubles: what is measured, what is kept, and what people are told."""

from __future__ import annotations

import ast
import inspect
from dataclasses import replace

import pytest

from orchestrator import loop as module
from orchestrator.budget import Budget
from orchestrator.errors import ProposerError, SandboxError, ScorerError
from orchestrator.loop import run_night
from orchestrator.policy import DecisionPolicy
from orchestrator.records import Action, Attempt, Run, Score
from orchestrator.testing import FakeSandbox
from tests.lab_parts import Night, WordGate, completed, crashed, proposing


def test_the_loop_is_short_and_handles_no_error() -> None:
    source = inspect.getsource(module)
    assert len(source.splitlines()) < 60
    handling = (ast.Try, ast.TryStar, ast.ExceptHandler, ast.With)
    assert not [node for node in ast.walk(ast.parse(source)) if isinstance(node, handling)]


def test_the_baseline_is_measured_first_and_what_helps_moves_the_base() -> None:
    night = Night(proposing("worse", "better", "same"), values=[2.0, 2.1, 1.5, 1.495])
    run_night(night.lab(), Budget(experiments=4))
    assert night.actions() == ["keep", "discard", "keep", "discard"]
    entries = night.memory.history().entries
    assert [entry.title for entry in entries] == ["baseline", "worse", "better", "same"]
    assert [entry.value for entry in entries] == [2.0, 2.1, 1.5, 1.495]
    assert night.memory.history().best_files == {"train.py": "better\n"}
    assert (night.memory.evidence().best_value, night.memory.evidence().best_number) == (1.5, 3)


def test_the_next_attempt_is_based_on_the_best_and_not_on_the_last() -> None:
    bases: list[str] = []

    def run(attempt: Attempt) -> Run:
        bases.append(attempt.base_files["train.py"])
        return completed(attempt)

    night = Night(proposing("better", "worse", "last"), values=[2.0, 1.5, 3.0, 3.0], run=run)
    run_night(night.lab(), Budget(experiments=4))
    assert bases == ["BASELINE\n", "BASELINE\n", "better\n", "better\n"]


def test_an_attempt_that_crashes_is_recorded_and_uses_a_slot() -> None:
    night = Night(
        proposing("crash", "better"),
        values=[2.0, 1.0],
        run=lambda attempt: (crashed if attempt.number == 2 else completed)(attempt),
    )
    run_night(night.lab(), Budget(experiments=3))
    assert night.statuses() == ["scored", "crashed", "scored"]
    assert night.memory.history().entries[1].reason == "crashed: ValueError: x"
    assert night.memory.history().entries[1].value is None


def test_a_run_without_a_score_is_discarded_with_its_reason() -> None:
    scores = iter([Score(2.0), Score(reason="predictions were not finite")])
    night = Night(proposing("nan"), score=lambda _: next(scores))
    run_night(night.lab(), Budget(experiments=2))
    assert night.statuses() == ["scored", "unscored"]
    assert night.memory.history().entries[1].reason == "predictions were not finite"


def test_refused_attempts_are_closed_and_use_no_slot() -> None:
    night = Night(proposing("REFUSE 1", "REFUSE 2", "better"), values=[2.0, 1.0], gates=(WordGate(),))
    run_night(night.lab(), Budget(experiments=2))
    assert night.statuses() == ["scored", "refused", "refused", "scored"]
    assert night.actions() == ["keep", "discard", "discard", "keep"]


def test_people_are_told_everything_in_order() -> None:
    night = Night(proposing("REFUSE", "crash"), values=[2.0], gates=(WordGate(),))
    night.run = lambda attempt: (crashed if attempt.number == 3 else completed)(attempt)
    run_night(night.lab(), Budget(experiments=2))
    assert night.diary.lines == [
        "opened 1",
        "training 1",
        "scoring 1 run-0001",
        "closed 1 keep",
        "proposing scripted",
        "opened 2",
        "closed 2 discard",
        "proposing scripted",
        "opened 3",
        "training 3",
        "closed 3 discard",
    ]


@pytest.mark.parametrize("kind", [SandboxError, ScorerError])
def test_a_fault_of_ours_is_repeated_recorded_and_never_a_score(kind: type[Exception]) -> None:
    faults = [kind("the engine hiccuped")]

    def run(attempt: Attempt) -> Run:
        if attempt.number == 2 and faults:
            raise faults.pop()
        return completed(attempt)

    night = Night(proposing("better"), values=[2.0, 1.0], run=run)
    run_night(night.lab(), Budget(experiments=2))
    assert [entry.value for entry in night.memory.history().entries] == [2.0, 1.0]
    message = "the engine hiccuped"
    assert night.memory.events == [
        ("fault_occurred", {"fault": 1, "kind": kind.__name__, "message": message})
    ]


def test_three_faults_in_a_row_end_the_night_with_the_attempt_still_open() -> None:
    def run(attempt: Attempt) -> Run:
        if attempt.number == 2:
            raise SandboxError("the engine is gone")
        return completed(attempt)

    night = Night(proposing("better", "unreached"), values=[2.0], run=run)
    with pytest.raises(SandboxError, match="the engine is gone"):
        run_night(night.lab(), Budget(experiments=9))
    assert night.actions() == ["keep"]
    assert [event for event, _ in night.memory.events] == ["fault_occurred"] * 2
    assert night.diary.lines[-1] == "training 2"


def test_a_proposer_out_of_reach_ends_the_night_with_everything_closed() -> None:
    night = Night(proposing("better"), values=[2.0, 1.0])
    with pytest.raises(ProposerError, match="no proposal left"):
        run_night(night.lab(), Budget(experiments=9))
    assert [entry.action for entry in night.memory.history().entries] == [Action.KEEP, Action.KEEP]


def test_a_budget_of_nothing_opens_nothing() -> None:
    night = Night(proposing("better"))
    run_night(night.lab(), Budget(experiments=0))
    assert (night.actions(), night.diary.lines) == ([], [])


SEQUENTIAL = DecisionPolicy(rule="sequential", baseline_runs=3, most_runs=3)


def test_the_baseline_is_measured_several_times_with_seeds_of_its_own() -> None:
    night = Night(proposing("worse"), values=[2.0, 2.01, 1.99, 2.5], rules=SEQUENTIAL)
    run_night(night.lab(), Budget(experiments=2))
    assert [number for number, _ in night.ran] == [1, 1, 1, 2]
    assert len({seed for _, seed in night.ran}) == 4
    first, second = night.memory.history().entries
    assert (first.action, first.runs) == (Action.KEEP, 3)
    assert first.value == pytest.approx(2.0)
    assert (second.action, second.runs) == (Action.DISCARD, 1)
    assert night.diary.lines.count("measured 1 repeat") == 2


def test_what_looks_better_is_measured_again_beside_the_best_before_it_is_kept() -> None:
    better = [1.985, 1.984, 1.986, 2.001, 1.999, 2.002, 1.985, 1.986]
    night = Night(proposing("better"), values=[2.0, 2.01, 1.99, *better], rules=SEQUENTIAL)
    run_night(night.lab(), Budget(experiments=2))
    entry = night.memory.history().entries[1]
    assert entry.runs + night.memory.evidence(2).best.runs > 2
    assert {number for number, _ in night.ran[4:]} <= {1, 2}


def test_a_repeat_that_crashes_discards_the_attempt_for_its_own_reason() -> None:
    night = Night(
        proposing("flaky"),
        values=[2.0, 2.02, 1.98, 1.97],
        run=lambda attempt: crashed(attempt) if len(night.ran) > 4 else completed(attempt),
        rules=SEQUENTIAL,
    )
    run_night(night.lab(), Budget(experiments=2))
    entry = night.memory.history().entries[1]
    assert entry.action is Action.DISCARD


def test_a_night_that_is_over_leaves_the_attempt_open_with_its_runs_recorded() -> None:
    budget = Budget(experiments=5)

    def run(attempt: Attempt) -> Run:
        budget.stop("enough")
        return completed(attempt)

    night = Night(proposing("better"), values=[2.0, 2.0, 2.0], run=run, rules=SEQUENTIAL)
    run_night(night.lab(), budget)
    assert night.memory.history().entries == ()
    assert night.memory.evidence(1).candidate.values == (2.0,)
    assert night.diary.lines[-1] == "measured 1 repeat"


def test_each_attempt_is_run_beside_the_curve_of_the_best_before_it() -> None:
    night = Night(proposing("worse"), values=[2.0, 3.0])
    night.run = lambda attempt: replace(completed(attempt), progress=((0.5, float(attempt.number)),))
    lab = night.lab()
    run_night(lab, Budget(experiments=2))
    assert isinstance(lab.sandbox, FakeSandbox)
    assert lab.sandbox.best_progress == ((0.5, 1.0),)
