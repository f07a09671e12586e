"""The sequential rule: what it does next, and why."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from orchestrator.deciding.night import Closed, Night, Sample
from orchestrator.deciding.rule import LEAST_PROBABILITY, judge
from orchestrator.records import Action, Decision
from tests.benchmarks.nights import Defaults, Shrinking, greedy, play, sequential, summarised

RULES = Defaults(margin=0.0005, plausible_drop=0.05)
BEST = Sample((1.001, 1.0, 0.999, 1.0005, 0.9995), 100)
TRIED = tuple(Closed((each,), kept=False, best=0) for each in (1.0014, 1.003, 0.9995, 1.002, 1.0025, 1.004))
NIGHT = Night((Closed(BEST.values, kept=True), *TRIED), (BEST.values,))


def ruled(*values: float, best: Sample = BEST, rules: Defaults = RULES, lines: int = 100) -> Decision:
    return judge(Sample(values, lines), best, NIGHT, rules)


def kept_before(*probabilities: float | None) -> Night:
    """A night of clear gains that were kept with these probabilities; the last one is at 1.0."""
    values = [1.0 + 0.01 * left for left in range(len(probabilities), -1, -1)]
    bests = tuple((value + 0.001, value - 0.001, value) for value in values)
    keeps = [
        Closed(bests[number + 1], kept=True, probability=probability, best=number)
        for number, probability in enumerate(probabilities)
    ]
    return Night((Closed(bests[0], kept=True), *keeps), bests)


def test_the_baseline_is_measured_as_often_as_the_policy_says_and_then_kept() -> None:
    rules = replace(RULES, baseline_runs=3)
    runs = [judge(Sample((1.0,) * count), Sample(), Night(), rules) for count in range(1, 4)]
    assert [each.action for each in runs] == [Action.REPEAT] * 2 + [Action.KEEP]
    assert runs[1].reason == "baseline: run 2 of 3"
    assert runs[2].reason == "baseline: the mean of 3 runs, which scatter by 0.000000"


def test_runs_without_a_value_count_towards_every_limit() -> None:
    assert judge(Sample((), tried=0), Sample(), Night(), RULES).action is Action.REPEAT
    assert judge(Sample((), tried=1), BEST, NIGHT, RULES).reason == "no value after 1 runs"
    assert judge(Sample((1.0,), tried=9), Sample(), Night(), RULES).action is Action.KEEP
    promising, best = (0.9987, 0.9989), replace(BEST, tried=50)
    assert judge(Sample(promising, 100, 2), best, NIGHT, RULES).action is Action.REPEAT
    assert judge(Sample(promising, 100, 50), best, NIGHT, RULES).reason.endswith("after the most runs")


def test_a_clear_loser_costs_one_run_and_the_reason_has_its_figures() -> None:
    found = ruled(1.01)
    assert found.action is Action.DISCARD
    assert found.reason.startswith(
        "0.010000 worse on average of 1 against 5 runs of the best, with probability 0.0"
    )
    assert found.reason.endswith(" truly better: below 0.100")


def test_a_clear_winner_is_kept_at_once() -> None:
    found = ruled(0.97)
    assert found.action is Action.KEEP
    assert " truly better: at least 0.9" in found.reason


def test_the_facts_are_what_the_audit_log_needs() -> None:
    facts = ruled(0.97).facts
    assert set(facts) == {"probability", "noise", "degrees_of_freedom", "runs", "best_runs"}
    assert (facts["degrees_of_freedom"], facts["runs"], facts["best_runs"]) == (4, 1, 5)
    assert facts["noise"] == pytest.approx(math.sqrt(2.5e-6 / 4))
    assert facts["probability"] > 0.95


def test_what_is_promising_is_measured_again() -> None:
    found = ruled(0.9983)
    assert found.action is Action.REPEAT
    assert " truly better: not yet at 0.9" in found.reason


def test_the_one_whose_run_tells_more_is_measured() -> None:
    best = Sample((1.0,), 100)
    night = Night(NIGHT.attempts[:1], ((1.0,),))
    twice = judge(Sample((0.9975, 0.9982), 100), best, night, RULES)
    assert twice.action is Action.REPEAT_BEST
    assert ruled(0.9983).action is Action.REPEAT


def test_before_anything_was_repeated_the_best_is() -> None:
    assert judge(Sample((0.999,)), Sample((1.0,)), Night(), RULES).action is Action.REPEAT_BEST
    tired = judge(Sample((0.999,)), Sample((1.0,), tried=99), Night(), RULES)
    assert tired.reason == "the noise is not known after the most runs of the best"


def test_clear_gains_before_let_a_less_certain_one_be_kept() -> None:
    def step(night: Night) -> Action:
        return judge(Sample((0.9975,)), Sample(night.bests[-1]), night, RULES).action

    assert step(kept_before(*[1.0] * 8)) is Action.KEEP
    assert step(kept_before(*[0.8] * 8)) is not Action.KEEP
    assert step(kept_before(*[None] * 8)) is not Action.KEEP


def test_one_key_slides_from_keeping_only_what_is_certain_to_keeping_what_is_expected_to_be_better() -> None:
    steps = [ruled(0.9962, rules=replace(RULES, false_share=share)).action for share in (0.0, 0.15, 1.0)]
    assert steps == [Action.REPEAT, Action.REPEAT, Action.KEEP]
    assert ruled(0.97, rules=replace(RULES, false_share=0.0)).action is not Action.KEEP


def test_no_credit_keeps_what_is_hardly_likelier_than_not() -> None:
    night = kept_before(*[1.0] * 30)
    found = judge(Sample((1.0003,)), Sample(night.bests[-1]), night, RULES)
    assert found.action is not Action.KEEP
    assert found.facts["probability"] < LEAST_PROBABILITY


def test_a_true_gain_below_the_margin_is_discarded_and_says_so() -> None:
    found = ruled(0.97, rules=replace(RULES, margin=0.04))
    assert (found.action, found.reason.split(": ")[-1]) == (Action.DISCARD, "less than the margin 0.040000")


@pytest.mark.parametrize("values", [(0.9,), (0.9, 0.9, 0.9), (0.0,), (-1e300,)])
def test_what_is_too_good_to_be_true_is_held_for_a_person_and_never_kept(values: tuple[float, ...]) -> None:
    found = ruled(*values)
    assert found.action is Action.HOLD
    assert "is more than 5.0% of it: too good to be true before a person has looked" in found.reason


def test_an_equal_score_with_less_code_is_kept_only_if_the_policy_says_so() -> None:
    simplicity = replace(RULES, simplicity=True, simplicity_lines=5, simplicity_tolerance=0.003)
    best, equal = Sample(BEST.values * 2, 100), (1.0,) * 5
    found = ruled(*equal, best=best, lines=90, rules=simplicity)
    assert found.action is Action.KEEP
    assert "no worse than by 0.003000, being shorter" in found.reason
    assert ruled(*equal, best=best, lines=96, rules=simplicity).action is not Action.KEEP
    assert ruled(*equal, best=best, lines=90, rules=RULES).action is not Action.KEEP
    assert ruled(1.01, best=best, lines=10, rules=simplicity).action is Action.DISCARD


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_cannot_be_built_into_a_sample_or_a_night(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Sample((1.0, value))
    with pytest.raises(ValueError, match="finite"):
        Closed((value,), kept=False)


@pytest.mark.parametrize("key", ["false_share", "margin", "plausible_drop"])
def test_a_rule_that_is_not_a_number_keeps_nothing(key: str) -> None:
    broken = replace(RULES, **{key: math.nan})  # type: ignore[arg-type]
    assert ruled(0.97, rules=broken).action is not Action.KEEP


def test_without_any_randomness_every_lower_value_is_kept_and_no_equal_one() -> None:
    best = Sample((1.0, 1.0, 1.0), 100)
    night = Night((Closed(best.values, kept=True),), (best.values,))
    assert judge(Sample((0.9999,)), best, night, RULES).action is Action.DISCARD  # the margin
    rules = replace(RULES, margin=0.0)
    assert judge(Sample((0.9999,)), best, night, rules).action is Action.KEEP
    assert judge(Sample((1.0,) * 10), best, night, rules).action is not Action.KEEP
    assert judge(Sample((1.0001,)), best, night, rules).action is Action.DISCARD


def test_the_same_figures_give_the_same_ruling() -> None:
    assert ruled(0.9983) == ruled(0.9983)


def test_a_night_whose_bests_do_not_match_its_keeps_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="as many bests as keeps"):
        Night((Closed((1.0,), kept=True),), ())


@pytest.mark.parametrize("deviation", [3e-4, 1e-2])
def test_of_what_is_kept_in_simulated_nights_little_is_false_and_the_gain_is_near_greedys(
    deviation: float,
) -> None:
    nights = range(30)
    ours = summarised([play(Shrinking(), deviation, sequential(Defaults()), seed) for seed in nights])
    upstream = summarised([play(Shrinking(), deviation, greedy, seed) for seed in nights])
    assert ours.false < 0.12
    assert upstream.false > 0.2
    assert ours.gain > 0.88 * upstream.gain


def test_where_proposals_only_harm_almost_nothing_is_kept() -> None:
    world = Shrinking(share=0.0, loss=1e-3, loss_spread=1.0)
    ours = summarised([play(world, 1e-3, sequential(Defaults()), seed) for seed in range(30)])
    upstream = summarised([play(world, 1e-3, greedy, seed) for seed in range(30)])
    assert ours.kept < 0.3
    assert upstream.kept > 1
    assert ours.gain > upstream.gain
