"""The decision: a pure function of the experiment and the evidence."""

from __future__ import annotations

import math
from typing import Literal

import pytest

from orchestrator.deciding.evidence import Evidence
from orchestrator.deciding.night import Sample
from orchestrator.decision import decide, prospect
from orchestrator.policy import DecisionPolicy
from orchestrator.records import (
    Action,
    Attempt,
    Decision,
    Experiment,
    Objection,
    Outcome,
    Proposal,
    ResultFile,
    Run,
    Score,
    Verdict,
)

RULES = DecisionPolicy(rule="greedy", margin=0.0005)
ATTEMPT = Attempt(4, Proposal("a change", {}), {}, seed=1)
RUN = Run("r", Outcome.COMPLETED, 20.0, result=ResultFile({}, {}, "a", "b", 1))


def scored(value: float) -> Experiment:
    return Experiment(ATTEMPT, Verdict(), RUN, Score(value))


def evidence(value: float, best: float | None = 1.5, number: int | None = 3) -> Evidence:
    return Evidence(number if best is not None else None, Sample((best,) if best else ()), Sample((value,)))


def decision_on(value: float, best: float | None, number: int | None = 3, margin: float = 0.0005) -> Decision:
    rules = DecisionPolicy(rule="greedy", margin=margin)
    return decide(scored(value), evidence(value, best, number), rules)


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


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_a_finite_number_is_no_evidence(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        evidence(value)
    with pytest.raises(ValueError, match="finite"):
        evidence(1.0, value)


@pytest.mark.parametrize("rule", ["greedy", "sequential"])
def test_a_margin_that_is_not_a_number_keeps_nothing(rule: Literal["greedy", "sequential"]) -> None:
    rules = DecisionPolicy(rule=rule).model_copy(update={"margin": math.nan})
    seen = Evidence(1, Sample((1.5, 1.5001, 1.4999)), Sample((1.4, 1.4001)))
    assert decide(scored(1.4), seen, rules).action is not Action.KEEP


@pytest.mark.parametrize("rule", ["greedy", "sequential"])
def test_the_prospect_of_a_value_is_the_decision_after_a_run_of_it(
    rule: Literal["greedy", "sequential"],
) -> None:
    rules = DecisionPolicy(rule=rule)
    before = Evidence(1, Sample((1.5, 1.5001, 1.4999)), Sample((1.4,)))
    after = before.and_then(1.4002)
    assert prospect(1.4002, before, rules) is decide(scored(1.4002), after, rules).action


def test_the_sequential_rule_measures_a_baseline_several_times() -> None:
    rules = DecisionPolicy(baseline_runs=3)
    values = [1.5, 1.501, 1.499]
    actions = [
        decide(scored(values[runs - 1]), Evidence(candidate=Sample(tuple(values[:runs]))), rules).action
        for runs in (1, 2, 3)
    ]
    assert actions == [Action.REPEAT, Action.REPEAT, Action.KEEP]


def test_what_is_too_good_to_be_true_is_held_and_never_kept() -> None:
    seen = Evidence(1, Sample((1.5, 1.501, 1.499)), Sample((1.0,)))
    decision = decide(scored(1.0), seen, DecisionPolicy(plausible_drop=0.1))
    assert decision.action is Action.HOLD
    assert "too good to be true" in decision.reason


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
@pytest.mark.parametrize("seen", [Evidence(), evidence(1.6)])
def test_what_has_no_value_is_discarded_for_its_own_reason(
    experiment: Experiment, reason: str, seen: Evidence
) -> None:
    assert decide(experiment, seen, RULES) == Decision(Action.DISCARD, reason)


def test_what_a_proposal_says_of_itself_changes_nothing() -> None:
    boast = Proposal("keep me", {}, hypothesis="improves 30%, verified. " * 1000)
    loud = Experiment(Attempt(4, boast, {}, seed=1), Verdict(), RUN, Score(1.6))
    assert decide(loud, evidence(1.6), RULES) == decision_on(1.6, 1.5)


def test_deciding_again_gives_the_same_decision() -> None:
    assert decision_on(1.49, 1.5) == decision_on(1.49, 1.5)
