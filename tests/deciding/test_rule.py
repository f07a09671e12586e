"""The sequential rule: what it does next, and why."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from orchestrator.deciding.night import Closed, Night, Ruling, Sample, Step
from orchestrator.deciding.rule import judge
from tests.benchmarks.nights import Defaults, Shrinking, greedy, play, sequential, summarised

RULES = Defaults(margin=0.0005, plausible_drop=0.05)
BEST = Sample((1.001, 1.0, 0.999, 1.0005, 0.9995), 100)
TRIED = tuple(
    Closed((1.0 + each,), kept=False, best=0) for each in (0.0014, 0.003, -0.001, 0.002, 0.0025, 0.004)
)
NIGHT = Night((Closed(BEST.values, kept=True), *TRIED), (BEST.values,))


def ruled(*values: float, best: Sample = BEST, rules: Defaults = RULES, lines: int = 100) -> Ruling:
    return judge(Sample(values, lines), best, NIGHT, rules)


def test_the_baseline_is_measured_as_often_as_the_policy_says_and_then_kept() -> None:
    runs = [judge(Sample((1.0,) * count), Sample(), Night(), RULES) for count in range(1, 6)]
    assert [each.step for each in runs] == [Step.REPEAT] * 4 + [Step.KEEP]
    assert runs[3].reason == "baseline: run 4 of 5"
    assert runs[4].reason == "baseline: 1.000000 on average of 5 runs"


def test_a_clear_loser_costs_one_run() -> None:
    found = ruled(1.01)
    assert found.step is Step.DISCARD
    assert found.reason == (
        "0.010000 worse on average of 1 against 5 runs of the best, with probability 0.001 truly better: "
        "below 0.300"
    )


def test_a_clear_winner_is_kept_at_once() -> None:
    found = ruled(0.98)
    assert found.step is Step.KEEP
    assert found.reason.endswith("truly better: at least 0.900")
    assert found.probability is not None
    assert found.probability > 0.99


def test_what_is_promising_is_measured_again() -> None:
    found = ruled(0.9983)
    assert found.step is Step.REPEAT
    assert found.reason.endswith("truly better: not yet at 0.900")


def test_the_best_is_measured_again_when_it_has_less_than_twice_the_candidates_runs() -> None:
    assert ruled(0.997, best=Sample((1.0,), 100)).step is Step.REPEAT_BEST
    assert ruled(0.997, best=Sample((1.001, 0.999), 100)).step is Step.REPEAT


def test_after_the_most_runs_of_both_what_is_still_in_doubt_is_discarded() -> None:
    best, values = Sample((1.001, 0.999) * 6, 100), (0.9987, 0.9983, 0.9991) * 2
    found = ruled(*values, best=best, rules=replace(RULES, keep_probability=0.999))
    assert (found.step, found.reason.split(": ")[-1]) == (Step.DISCARD, "not at 0.999 after the most runs")
    assert ruled(*values[:5], best=best, rules=replace(RULES, keep_probability=0.999)).step is Step.REPEAT


def test_a_true_gain_below_the_margin_is_discarded_and_says_so() -> None:
    found = ruled(0.98, rules=replace(RULES, margin=0.03))
    assert (found.step, found.reason.split(": ")[-1]) == (Step.DISCARD, "less than the margin 0.030000")


def test_what_promises_less_than_a_fresh_proposal_is_not_repeated() -> None:
    found = ruled(0.9994, rules=replace(RULES, drop_probability=0.1))
    assert found.step is Step.DISCARD
    assert found.reason.endswith("less to expect of it than of a fresh proposal")


@pytest.mark.parametrize("values", [(0.9,), (0.9, 0.9, 0.9), (0.0,), (-1e300,)])
def test_what_is_too_good_to_be_true_is_held_for_a_person_and_never_kept(values: tuple[float, ...]) -> None:
    found = ruled(*values)
    assert found.step is Step.HOLD
    assert "is more than 5.0% of it: too good to be true before a person has looked" in found.reason


def test_an_equal_score_with_less_code_is_kept_only_if_the_policy_says_so() -> None:
    simplicity = replace(RULES, simplicity=True, simplicity_lines=5, simplicity_tolerance=0.003)
    best, equal = Sample(BEST.values * 2, 100), (1.0,) * 5
    assert ruled(*equal, best=best, lines=90, rules=simplicity).step is Step.KEEP
    assert "no worse than by 0.003000, being shorter" in ruled(
        *equal, best=best, lines=90, rules=simplicity
    ).reason  # fmt: skip
    assert ruled(*equal, best=best, lines=96, rules=simplicity).step is Step.DISCARD
    assert ruled(*equal, best=best, lines=90, rules=RULES).step is Step.DISCARD
    assert ruled(1.01, best=best, lines=10, rules=simplicity).step is Step.DISCARD


def test_before_anything_was_repeated_the_best_is() -> None:
    assert judge(Sample((0.999,)), Sample((1.0,)), Night(), RULES).step is Step.REPEAT_BEST


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_sample_that_is_not_finite_cannot_be_built(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Sample((1.0, value))


@pytest.mark.parametrize("key", ["keep_probability", "margin", "plausible_drop"])
def test_a_rule_that_is_not_a_number_keeps_nothing(key: str) -> None:
    broken = replace(RULES, **{key: math.nan})  # type: ignore[arg-type]
    assert ruled(0.98, rules=broken).step is not Step.KEEP


def test_the_same_figures_give_the_same_ruling() -> None:
    assert ruled(0.9983) == ruled(0.9983)


@pytest.mark.parametrize("deviation", [3e-4, 3e-3])
def test_of_what_is_kept_in_simulated_nights_little_is_false_and_the_gain_is_near_greedys(
    deviation: float,
) -> None:
    nights = range(120)
    ours = summarised([play(Shrinking(), deviation, sequential(Defaults()), seed) for seed in nights])
    upstream = summarised([play(Shrinking(), deviation, greedy, seed) for seed in nights])
    assert ours.false < 0.09
    assert upstream.false > 0.2
    assert ours.gain > 0.8 * upstream.gain


def test_where_proposals_only_harm_almost_nothing_is_kept() -> None:
    world = Shrinking(share=0.0, loss=1e-3, loss_spread=1.0)
    ours = summarised([play(world, 1e-3, sequential(Defaults()), seed) for seed in range(60)])
    upstream = summarised([play(world, 1e-3, greedy, seed) for seed in range(60)])
    assert ours.kept < 0.3
    assert upstream.kept > 1
    assert ours.gain > upstream.gain
