"""The rule of the original loop: one run each, and whatever is lower than the best replaces it."""

from __future__ import annotations

from typing import Protocol

from orchestrator.deciding.evidence import Evidence
from orchestrator.records import Action, Decision


class Margin(Protocol):
    """The part of a policy that the rule rests on: how much lower is lower, in the metric's unit."""

    @property
    def margin(self) -> float: ...


def keep_any_gain(evidence: Evidence, rules: Margin) -> Decision:
    """Keep what is lower than the best by at least the margin, or the first value there is."""
    value, best = evidence.candidate.mean, evidence.best.mean if evidence.best.values else None
    if best is None:
        return Decision(Action.KEEP, f"baseline: {evidence.value:.6f}")
    compared = _compared(value, best, evidence)
    if value < best and value <= best - rules.margin:
        return Decision(Action.KEEP, compared)
    if value < best:
        return Decision(Action.DISCARD, f"{compared}, less than the margin {rules.margin:.6f}")
    return Decision(Action.DISCARD, compared)


def _compared(value: float, best: float, evidence: Evidence) -> str:
    whose = "" if evidence.best_number is None else f" of attempt {evidence.best_number:04d}"
    if value == best:
        return f"{evidence.value:.6f} is the same as the best{whose}"
    word = "better" if value < best else "worse"
    told = f"{evidence.value:.6f} after the best {evidence.best_value:.6f}{whose}"
    return f"{abs(value - best):.6f} {word}: {told}"
