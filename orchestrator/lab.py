"""The parts of one night, and one measurement with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from orchestrator.decision import Rules, prospect
from orchestrator.patience import Patience
from orchestrator.pipeline import Pipeline
from orchestrator.ports import Ledger, Prospects, Sandbox, Scorer, Watcher
from orchestrator.records import Action, Experiment, Verdict


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

    def measure(self, number: int, *, serving: int) -> Experiment:
        """One run of the attempt `serving` or of the best beside it, with its own seed, recorded at once."""
        ahead = partial(prospect, evidence=self.ledger.evidence(serving), rules=self.rules)
        prospects = ahead if number == serving else lambda _: Action.KEEP
        allowed = Experiment(self.ledger.next_run(number), Verdict())
        latest = self.patience.insist(examine, self.sandbox, self.scorer, allowed, self.watcher, prospects)
        self.ledger.measure(latest, serving)
        return latest


def examine(
    sandbox: Sandbox, scorer: Scorer, reviewed: Experiment, watcher: Watcher, prospects: Prospects
) -> Experiment:
    """Train and score an allowed attempt; it goes as far as it gets."""
    watcher.training(reviewed.attempt)
    run = sandbox.run(reviewed.attempt)
    if not run.completed:
        return replace(reviewed, run=run)
    watcher.scoring(reviewed.attempt, run)
    return replace(reviewed, run=run, score=scorer.score(run, prospects))
