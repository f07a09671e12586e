"""Keep or discard: a pure function of the experiment and the evidence so far."""

from __future__ import annotations

from orchestrator.ports import Rules
from orchestrator.records import Action, Decision, Evidence, Experiment


def would_keep(value: float, evidence: Evidence, rules: Rules) -> bool:
    """Whether an attempt of this value replaces the best: the first value there is, or one that is better by
    at least the margin."""
    best, loss = evidence.best_value, evidence.direction.loss
    return best is None or (loss(value) < loss(best) and loss(value) <= loss(best) - rules.margin)


def decide(experiment: Experiment, evidence: Evidence, rules: Rules) -> Decision:
    """Keep only what is better than the best by at least the margin, or the first value there is."""
    value, best = experiment.value, evidence.best_value
    if value is None:
        return Decision(Action.DISCARD, experiment.failure or "there is no score")
    if best is None:
        return Decision(Action.KEEP, f"baseline: {value:.6f}")
    if would_keep(value, evidence, rules):
        return Decision(Action.KEEP, _compared(value, best, evidence))
    return Decision(Action.DISCARD, _too_little(value, best, evidence, rules.margin))


def _too_little(value: float, best: float, evidence: Evidence, margin: float) -> str:
    compared = _compared(value, best, evidence)
    loss = evidence.direction.loss
    return f"{compared}, less than the margin {margin:.6f}" if loss(value) < loss(best) else compared


def _compared(value: float, best: float, evidence: Evidence) -> str:
    whose = "" if evidence.best_number is None else f" of attempt {evidence.best_number:04d}"
    if value == best:
        return f"{value:.6f} is the same as the best{whose}"
    loss = evidence.direction.loss
    word = "better" if loss(value) < loss(best) else "worse"
    return f"{abs(value - best):.6f} {word}: {value:.6f} after the best {best:.6f}{whose}"
