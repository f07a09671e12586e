"""When a run is hopeless beside the best one, on curves whose future is known."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from orchestrator.futility import hopeless
from orchestrator.policy import BudgetPolicy
from orchestrator.records import Curve

SHARES = [(cell + 0.9) / 64 for cell in range(64)]


@dataclass(frozen=True)
class Rules:
    futility_share: float = 0.4
    futility_margin: float = 0.05
    futility_points: int = 3


def falling(last: float = 2.0, times: float = 1.0, until: float = 1.0) -> Curve:
    """A loss that falls from 8 towards `last`."""
    return tuple((s, times * (last + 6 * (1 - s) ** 4)) for s in SHARES if s <= until)


BEST = falling()


def first_reason(curve: Curve, best: Curve, rules: Rules) -> tuple[float, str]:
    """The share at which a run would have been ended, and why; 1.0 when it never would."""
    for count in range(1, len(curve) + 1):
        if reason := hopeless(curve[:count], best, rules):
            return curve[count - 1][0], reason
    return 1.0, ""


def test_the_policys_budget_has_the_rules_and_ends_nothing_by_itself() -> None:
    assert hopeless(falling(times=1.11), BEST, BudgetPolicy())
    assert BudgetPolicy().futility is False


def test_a_run_far_above_the_best_is_hopeless_once_three_points_lie_past_the_share() -> None:
    share, reason = first_reason(falling(times=1.2), BEST, Rules())
    assert share == SHARES[27]
    assert reason.endswith("is 20.0% above the best's")
    assert reason.startswith("at 44% of the time the training loss 3.")


@pytest.mark.parametrize("curve", [(), BEST, falling(times=2.0)], ids=["silent", "good", "bad"])
def test_without_a_best_curve_nothing_is_hopeless(curve: Curve) -> None:
    assert first_reason(curve, (), Rules()) == (1.0, "")


def test_the_best_beside_itself_and_a_better_run_are_never_hopeless() -> None:
    for curve in (BEST, falling(last=1.5), falling(times=0.5)):
        assert first_reason(curve, BEST, Rules()) == (1.0, "")


def test_the_margin_is_relative_and_what_lies_within_it_goes_on() -> None:
    assert first_reason(falling(times=1.049), BEST, Rules()) == (1.0, "")
    assert first_reason(falling(times=1.051), BEST, Rules())[1]
    tenth = tuple((share, loss / 10) for share, loss in BEST)
    assert first_reason(tuple((share, loss * 1.051) for share, loss in tenth), tenth, Rules())[1]


def test_a_slow_start_that_caught_up_before_the_share_is_not_held_against_it() -> None:
    slow = tuple((share, loss * (2.0 if share < 0.35 else 1.0)) for share, loss in BEST)
    assert first_reason(slow, BEST, Rules()) == (1.0, "")


def test_one_good_point_among_bad_ones_starts_the_count_again() -> None:
    bad = falling(times=1.2)
    saved = tuple((s, loss * (0.5 if i % 3 == 0 else 1)) for i, (s, loss) in enumerate(bad))
    assert first_reason(saved, BEST, Rules()) == (1.0, "")


def test_a_single_wild_point_is_not_enough() -> None:
    wild = tuple((share, 40.0 if index == 40 else loss) for index, (share, loss) in enumerate(BEST))
    assert first_reason(wild, BEST, Rules(futility_points=10)) == (1.0, "")


def test_curves_with_other_shares_are_compared_on_the_line_between_points() -> None:
    sparse_best = BEST[::7]
    assert first_reason(BEST, sparse_best, Rules(futility_margin=0.1)) == (1.0, "")
    assert first_reason(falling(times=1.5)[::5], BEST, Rules())[1]


def test_where_the_best_said_nothing_nothing_is_compared() -> None:
    assert first_reason(falling(times=3.0), BEST[:20], Rules()) == (1.0, "")
    assert first_reason(falling(times=3.0), BEST[-2:], Rules()) == (1.0, "")


def test_a_best_loss_of_zero_is_no_measure() -> None:
    assert first_reason(BEST, tuple((share, 0.0) for share in SHARES), Rules()) == (1.0, "")
