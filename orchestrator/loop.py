"""The loop: take an attempt, examine it, decide, close it, until the budget is spent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from orchestrator.budget import Budget
from orchestrator.decision import decide, would_keep
from orchestrator.patience import Patience
from orchestrator.pipeline import Pipeline
from orchestrator.ports import Ledger, Promising, Rules, Sandbox, Scorer, Watcher
from orchestrator.records import Attempt, Experiment, Run


@dataclass(frozen=True, slots=True)
class Lab:
    """The parts of one night, put together by the command line."""

    pipeline: Pipeline
    sandbox: Sandbox
    scorer: Scorer
    ledger: Ledger
    rules: Rules
    patience: Patience
    watcher: Watcher


def run_night(lab: Lab, budget: Budget) -> None:
    """Spend the budget, one experiment a slot. Everything that happened is in the ledger."""
    for _ in budget:
        reviewed = lab.pipeline.next()
        evidence = lab.ledger.evidence()
        train = partial(lab.sandbox.run, best_progress=evidence.best_progress)
        promising = partial(would_keep, evidence=evidence, rules=lab.rules)
        experiment = lab.patience.insist(examine, train, lab.scorer, reviewed, lab.watcher, promising)
        decision = decide(experiment, lab.ledger.evidence(), lab.rules)
        lab.ledger.close(experiment, decision)
        lab.watcher.closed(experiment, decision)


def examine(
    train: Callable[[Attempt], Run],
    scorer: Scorer,
    reviewed: Experiment,
    watcher: Watcher,
    promising: Promising,
) -> Experiment:
    """Train and score an allowed attempt; it goes as far as it gets."""
    watcher.training(reviewed.attempt)
    run = train(reviewed.attempt)
    if not run.completed:
        return replace(reviewed, run=run)
    watcher.scoring(reviewed.attempt, run)
    return replace(reviewed, run=run, score=scorer.score(run, promising))
