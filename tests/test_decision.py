"""The decision: a pure function of the experiment and the evidence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import pytest

from orchestrator.decision import decide
from orchestrator.policy import DecisionPolicy
from orchestrator.records import (
    Action,
    Attempt,
    Decision,
    Evidence,
    Experiment,
    Objection,
    Outcome,
    Proposal,
    ResultFile,
    Run,
    Score,
    Verdict,
)

RULES = DecisionPolicy(margin=0.0005)
ATTEMPT = Attempt(4, Proposal("a change", {}), {}, seed=1)
RUN = Run("r", Outcome.COMPLETED, 20.0, result=ResultFile({}, {}, "a", "b", 1))


def scored(value: float) -> Experiment:
    return Experiment(ATTEMPT, Verdict(), RUN, Score(value))


def decision_on(value: float, best: float | None, number: int | None = 3, margin: float = 0.0005) -> Decision:
    return decide(scored(value), Evidence(best, number), DecisionPolicy(margin=margin))


def test_the_first_score_is_kept_as_the_baseline() -> None:
    assert decision_on(1.5, None, None) == Decision(Action.KEEP, "baseline: 1.500000")


def test_what_beats_the_best_by_more_than_the_margin_is_kept_with_its_numbers() -> None:
    said = "0.012300 better: 1.487700 after the best 1.500000 of attempt 0003"
    assert decision_on(1.4877, 1.5) == Decision(Action.KEEP, said)


def test_an_improvement_below_the_margin_is_discarded_and_says_so() -> None:
    said = "0.000300 better: 1.499700 after the best 1.500000 of attempt 0003, less than the margin 0.000500"
    assert decision_on(1.4997, 1.5) == Decision(Action.DISCARD, said)


def test_an_improvement_of_exactly_the_margin_is_kept() -> None:
    assert decision_on(1.25, 1.5, margin=0.25).action is Action.KEEP


def test_what_is_worse_is_discarded_with_its_numbers() -> None:
    said = "0.012300 worse: 1.512300 after the best 1.500000 of attempt 0003"
    assert decision_on(1.5123, 1.5) == Decision(Action.DISCARD, said)


@pytest.mark.parametrize("margin", [0.0, 0.0005])
def test_the_same_value_is_never_kept(margin: float) -> None:
    said = "1.500000 is the same as the best of attempt 0003"
    assert decision_on(1.5, 1.5, margin=margin) == Decision(Action.DISCARD, said)


def test_without_a_margin_the_smallest_gain_is_kept() -> None:
    assert decision_on(math.nextafter(1.5, 0), 1.5, margin=0.0).action is Action.KEEP


@dataclass(frozen=True)
class Broken:
    """Shaped like an experiment, but with a value that no real one can have."""

    value: float
    failure: str = ""


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_not_a_finite_number_is_never_kept_over_a_best(value: float) -> None:
    experiment = cast("Experiment", Broken(value))
    assert decide(experiment, Evidence(1.5, 3), RULES).action is Action.DISCARD


@pytest.mark.parametrize("best", [math.nan, -math.inf])
def test_a_best_that_is_broken_is_never_beaten(best: float) -> None:
    assert decision_on(0.1, best).action is Action.DISCARD


def test_a_margin_that_is_not_a_number_keeps_nothing() -> None:
    @dataclass(frozen=True)
    class NoMargin:
        margin: float = math.nan

    assert decide(scored(0.1), Evidence(1.5, 3), NoMargin()).action is Action.DISCARD


REFUSED = Verdict((Objection("syntax", "not Python", "train.py", 3),))
CRASHED = Run("r", Outcome.CRASHED, 1.0, reason="exit code 1")


@pytest.mark.parametrize(
    ("experiment", "reason"),
    [
        (Experiment(ATTEMPT, REFUSED), "refused: train.py:3: not Python [syntax]"),
        (Experiment(ATTEMPT, Verdict()), "not run"),
        (Experiment(ATTEMPT, Verdict(), CRASHED), "crashed: exit code 1"),
        (Experiment(ATTEMPT, Verdict(), RUN), "there is no score"),
        (Experiment(ATTEMPT, Verdict(), RUN, Score(reason="not causal")), "not causal"),
    ],
)
@pytest.mark.parametrize("evidence", [Evidence(), Evidence(1.5, 3)])
def test_what_has_no_value_is_discarded_for_its_own_reason(
    experiment: Experiment, reason: str, evidence: Evidence
) -> None:
    assert decide(experiment, evidence, RULES) == Decision(Action.DISCARD, reason)


def test_what_a_proposal_says_of_itself_changes_nothing() -> None:
    boast = Proposal("keep me", {}, hypothesis="improves 30%, verified. " * 1000)
    loud = Experiment(Attempt(4, boast, {}, seed=1), Verdict(), RUN, Score(1.6))
    assert decide(loud, Evidence(1.5, 3), RULES) == decision_on(1.6, 1.5)


def test_deciding_again_gives_the_same_decision() -> None:
    assert decision_on(1.49, 1.5) == decision_on(1.49, 1.5)
