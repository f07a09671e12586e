"""The parts of one night, and one measurement with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from orchestrator.decision import Rules, prospect
from orchestrator.errors import LedgerError
from orchestrator.patience import Patience
from orchestrator.pipeline import Pipeline
from orchestrator.ports import Ledger, Prospects, Sandbox, Scorer, Watcher
from orchestrator.preparation import flag_orders
from orchestrator.records import Action, Attempt, Decision, Experiment, Run, Verdict

NOTHING_READY = Decision(Action.REPEAT_BEST, "nothing new is ready")


@dataclass(frozen=True, slots=True)
class Lab:
    """The parts of one night, put together for each sitting."""

    pipeline: Pipeline
    sandbox: Sandbox
    scorer: Scorer
    ledger: Ledger
    rules: Rules
    patience: Patience
    watcher: Watcher

    def measure_best(self) -> Experiment:
        """One more run of the best, for what it tells of the best itself."""
        number = self.ledger.evidence().best_number
        if number is None:
            raise LedgerError("there is no best to measure", remedy="this is a fault of ours: report it")
        latest = self.measure(number, serving=number)
        self.watcher.measured(latest, NOTHING_READY)
        return latest

    def measure(self, number: int, *, serving: int) -> Experiment:
        """One run of the attempt `serving` or of the best beside it, with its own seed, recorded at once."""
        evidence = self.ledger.evidence(serving)
        of_the_best = number == evidence.best_number
        ahead = partial(prospect, evidence=evidence, rules=self.rules)
        prospects = (lambda _: Action.KEEP) if of_the_best else ahead
        unknown = not (of_the_best or evidence.candidate.values)
        train = partial(self.sandbox.run, best_progress=evidence.best_progress if unknown else ())
        allowed = Experiment(self.ledger.next_run(number), Verdict())
        latest = self.patience.insist(examine, train, self.scorer, allowed, self.watcher, prospects)
        self.ledger.measure(latest, serving)
        flag_orders(self.ledger, number, latest.run.log if latest.run else "")
        return latest


def examine(
    train: Callable[[Attempt], Run],
    scorer: Scorer,
    reviewed: Experiment,
    watcher: Watcher,
    prospects: Prospects,
) -> Experiment:
    """Train and score an allowed attempt; it goes as far as it gets."""
    watcher.training(reviewed.attempt)
    run = train(reviewed.attempt)
    if not run.completed:
        return replace(reviewed, run=run)
    watcher.scoring(reviewed.attempt, run)
    return replace(reviewed, run=run, score=scorer.score(run, prospects))
