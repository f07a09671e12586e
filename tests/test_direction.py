"""Which way is better: turned in one place, and the real number is what everybody sees."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.deciding.evidence import Evidence
from orchestrator.deciding.night import Sample
from orchestrator.decision import decide, prospect
from orchestrator.policy import DecisionPolicy, EditPolicy
from orchestrator.proposers.constants import read_constants
from orchestrator.proposers.lessons import learn
from orchestrator.proposers.prompt import PromptBuilder
from orchestrator.records import (
    Action,
    Attempt,
    Direction,
    Entry,
    Experiment,
    History,
    Measure,
    Outcome,
    Proposal,
    ResultFile,
    Run,
    Score,
    Verdict,
)
from orchestrator.testing import MemoryLedger
from orchestrator.views.console import best_line

HIGHER = Evidence(3, Sample((-0.9,)), direction=Direction.MAXIMIZE)
RULES = DecisionPolicy(rule="greedy", margin=0.01)
SOURCE = "DEPTH = 3\n"


def scored(value: float) -> Experiment:
    run = Run("run", Outcome.COMPLETED, 1.0, result=ResultFile({}, {}, "a", "b", 1))
    return Experiment(Attempt(1, Proposal("a", {}), {}, 1), Verdict(), run, Score(value))


def entry(number: int, value: float | None, action: Action = Action.DISCARD, **more: bool) -> Entry:
    status = "scored" if value is not None else "crashed"
    return Entry(number, "t", "", "p", action, status, value, "", "c", {"train.py": SOURCE}, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "action", "reason"),
    [
        (0.92, Action.KEEP, "0.020000 better: 0.920000 after the best 0.900000 of attempt 0003"),
        (
            0.905,
            Action.DISCARD,
            "0.005000 better: 0.905000 after the best 0.900000 of attempt 0003, less than",
        ),
        (0.9, Action.DISCARD, "0.900000 is the same as the best of attempt 0003"),
        (0.8, Action.DISCARD, "0.100000 worse: 0.800000 after the best 0.900000 of attempt 0003"),
    ],
)
def test_higher_is_better_where_the_task_says_so(value: float, action: Action, reason: str) -> None:
    decision = decide(scored(value), HIGHER.and_then(value), RULES)
    assert decision.action is action
    assert decision.reason.startswith(reason)
    assert prospect(value, HIGHER, RULES) is action


def test_what_is_no_number_is_no_evidence_either_way() -> None:
    for direction in Direction:
        with pytest.raises(ValueError, match="finite"):
            prospect(float("nan"), replace(HIGHER, direction=direction), RULES)


def test_a_turned_sign_turned_again_is_the_real_number() -> None:
    for direction in Direction:
        assert direction.loss(direction.loss(0.25)) == 0.25


def test_a_ledger_keeps_the_real_number_and_which_way_is_better() -> None:
    ledger = MemoryLedger({"train.py": SOURCE}, Direction.MAXIMIZE)
    attempt = ledger.open(Proposal("a", {}))
    experiment = replace(scored(0.5), attempt=attempt)
    ledger.measure(experiment, 1)
    ledger.close(experiment, decide(experiment, ledger.evidence(1), RULES))
    evidence = ledger.evidence()
    assert (evidence.best_value, evidence.best_number, evidence.best.mean) == (0.5, 1, -0.5)


def test_the_tuner_learns_from_losses_and_a_failure_is_worse_than_all() -> None:
    history = History({"train.py": SOURCE}, 0.9, (entry(1, 0.7), entry(2, 0.9), entry(3, None)))
    best = read_constants(SOURCE, gpu=False)
    lessons = learn(history, best, "train.py", gpu=False, direction=Direction.MAXIMIZE)
    assert [lesson.value for lesson in lessons] == pytest.approx([-0.7, -0.9, -0.5])


def test_the_last_line_says_higher_where_it_is_higher() -> None:
    entries = [entry(1, 0.8, Action.KEEP), entry(2, 0.9, Action.KEEP)]
    assert (
        best_line(entries, "right") == "baseline 0.800000, best 0.900000 right (12.50% higher), 1 kept of 1"
    )


def test_the_last_line_says_whose_number_it_is() -> None:
    entries = [entry(1, 0.8, Action.KEEP, verified=False)]
    line = best_line(entries, "")
    assert line == "baseline 0.800000, best 0.800000 (self-reported) (not beaten), 0 kept of 0"


def test_a_baseline_of_nothing_is_no_division_by_it() -> None:
    assert "higher" in best_line([entry(1, 0.0, Action.KEEP), entry(2, 0.5, Action.KEEP)], "")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("predictions", "The host measures it on data"),
        ("result_file", "The program reports it\n  itself: 'f1'"),
    ],
)
def test_a_model_is_told_which_way_is_better_and_who_measures(source: str, said: str) -> None:
    measure = Measure("f1", "share", Direction.MAXIMIZE, source)
    points = {"main": 0}
    builder = PromptBuilder(
        agenda="a", edit=EditPolicy(), entry_file="train.py", entry_points=points, measure=measure
    )
    text = builder.messages(History({"train.py": SOURCE}, 0.5))[0].content
    assert "The metric is f1 in share; higher is better." in text
    assert said in text
