"""The loop: take an attempt, measure it until the rule has decided, close it, until the budget is spent."""

from __future__ import annotations

from orchestrator.budget import Budget
from orchestrator.decision import NOT_MEASURED, decide
from orchestrator.lab import Lab
from orchestrator.records import Action, Decision, Experiment


def run_night(lab: Lab, budget: Budget) -> None:
    """Spend the budget, one attempt a slot. Everything that happened is in the ledger."""
    for _ in budget:
        reviewed = next_attempt(lab, budget)
        if reviewed is None:
            break
        experiment, decision = settle(lab, reviewed, budget)
        if not decision.action.final:
            break  # the attempt stays open, and the next start goes on with it
        lab.ledger.close(experiment, decision)
        lab.watcher.closed(experiment, decision)


def next_attempt(lab: Lab, budget: Budget) -> Experiment | None:
    """The next allowed attempt; while none is ready, the best is measured once more. None at the end."""
    while (reviewed := lab.pipeline.next()) is None and not budget.is_over:
        lab.measure_best()
    return reviewed


def settle(lab: Lab, reviewed: Experiment, budget: Budget) -> tuple[Experiment, Decision]:
    """Measure an allowed attempt, and the best beside it, as often as the rule asks while there is time."""
    number, experiment, decision = reviewed.attempt.number, reviewed, NOT_MEASURED
    while not (decision.action.final or budget.is_over):
        best = lab.ledger.evidence(number).best_number
        if decision.action is Action.REPEAT_BEST and best is not None:
            latest = lab.measure(best, serving=number)
        else:
            latest = experiment = lab.measure(number, serving=number)
        decision = decide(experiment, lab.ledger.evidence(number), lab.rules)
        if not decision.action.final:
            lab.watcher.measured(latest, decision)
    return experiment, decision
