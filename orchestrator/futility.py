"""Whether a run that is under way can still become the best: a pure function of two curves.

A curve is the training loss over the share of its time that a run has used. The time is the host's; the loss
is the candidate's own word, and so never decides what is kept: a forged curve ends its own run early or keeps
it going to its deadline. What is now the best could have forged its curve to end honest runs after it, so
only so many in a row are ended (`futility_in_a_row`), and one then runs to its end whatever it says.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Protocol

from orchestrator.records import Curve

WINDOW = 0.05
"""Share of the time over which losses are averaged before they are compared."""


class FutilityRules(Protocol):
    """The part of a policy that ends hopeless runs."""

    @property
    def futility_share(self) -> float: ...

    @property
    def futility_margin(self) -> float: ...

    @property
    def futility_points(self) -> int: ...


def hopeless(curve: Curve, best: Curve, rules: FutilityRules) -> str:
    """Why this run will not become the best, or nothing: also without a best, or with too little to compare.

    Hopeless is a run whose last `futility_points` points all lie past `futility_share` and are each higher
    than the best was at the same share by more than `futility_margin`, relative to the best's loss. Both are
    means over `WINDOW` before that share, the best's read off between its points. Relative, because nats a
    token depend on vocabulary and text.

    It ends wrongly what comes from behind: learning rates that are higher or fall later, a longer warm-up, a
    larger model that learns slowly and overtakes, a loss averaged over more seconds, and any change that adds
    to the loss it prints (label smoothing, a second head). `tests/benchmarks/futility.py` measures how far
    behind real runs were that came back, which is what the margin has to allow for.
    """
    lately = curve[-rules.futility_points :]
    if not best or len(lately) < rules.futility_points or lately[0][0] < rules.futility_share:
        return ""
    ratios = [_ratio(curve, best, share) for share, _ in lately]
    if not all(ratio > 1 + rules.futility_margin for ratio in ratios):
        return ""
    share = lately[-1][0]
    behind = f"{ratios[-1] - 1:.1%} above the best's"
    return f"at {share:.0%} of the time the training loss {_mean(curve, share):.3f} is {behind}"


def _ratio(curve: Curve, best: Curve, share: float) -> float:
    """The loss as a multiple of the best's at a share; 0, never too high, where the best has none."""
    theirs = _between(tuple((place, _mean(best, place)) for place, _ in best), share)
    return _mean(curve, share) / theirs if theirs > 0 else 0.0


def _mean(curve: Curve, share: float) -> float:
    """The mean of the losses in the window that ends at a point's share."""
    losses = [loss for place, loss in curve if share - WINDOW < place <= share]
    return sum(losses) / len(losses)


def _between(curve: Curve, share: float) -> float:
    """The loss at a share, on a line between two points; 0 before the first and after the last one."""
    for (left, before), (right, after) in pairwise(curve):
        if left <= share <= right:
            return before + (after - before) * (share - left) / (right - left) if right > left else after
    return 0.0
