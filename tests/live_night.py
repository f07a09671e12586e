"""A night of doubles on whatever terminal it is started in: `python -m tests.live_night SECONDS TITLE...`.

Each title is one attempt, trained for so many seconds; `REFUSE` in a title has it refused, `RAISE` raises in
its training, `CRASH` has it end with the title as its reason. The loop, the pipeline with its background, the
signals and the screen are the real ones.
"""

from __future__ import annotations

import itertools
import sys
import time
from contextlib import suppress

from orchestrator.budget import Budget, Interrupts
from orchestrator.errors import ProposerError
from orchestrator.lab import Lab
from orchestrator.loop import run_night
from orchestrator.patience import Patience
from orchestrator.pipeline import Pipeline
from orchestrator.policy import DecisionPolicy, PipelinePolicy
from orchestrator.preparation import Preparation
from orchestrator.records import Attempt, Curve, Measure, Outcome, Proposal, Run, Score, Usage
from orchestrator.testing import MemoryLedger, ScriptedProposer, ScriptedScorer
from orchestrator.views.console import Console
from orchestrator.views.live import Front, watching
from orchestrator.views.live_scene import Moment, Terms
from tests.lab_parts import RESULT, TEMPLATE, WordGate

CARD = {"celsius": {"before": 40, "after": 61}, "used_mib": {"before": 3, "after": 412}}
USAGE = Usage(1, 40_000, 1_200, dollars=0.32)


class Training:
    """The sandbox's part: takes its time, and does what the title says."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.went: float | None = None

    def run(self, attempt: Attempt, *, best_progress: Curve = ()) -> Run:  # noqa: ARG002 - the port's
        self.went = time.monotonic()
        title = attempt.proposal.title
        if "RAISE" in title:
            raise RuntimeError("this night broke")
        time.sleep(self._seconds)
        self.went = None
        if "CRASH" in title:
            return Run("run", Outcome.CRASHED, self._seconds, reason=title, container=CARD)
        return Run("run", Outcome.COMPLETED, self._seconds, result=RESULT, container=CARD)

    def close(self) -> None: ...


def lab_of(training: Training, titles: list[str], budget: Budget, ledger: MemoryLedger, front: Front) -> Lab:
    """The loop's parts, real but for those that would need an engine."""
    proposer = ScriptedProposer(
        [Proposal(title, {"train.py": f"{title}\n"}, proposer="scripted", usage=USAGE) for title in titles]
    )
    values = (2.0 - 0.05 * number for number in itertools.count())
    rules, patience = DecisionPolicy(rule="greedy", margin=0.01), Patience(1, ledger.record)
    gates = (WordGate(), *front.gates)
    made = Preparation(proposer, gates, ledger, rules, front.watcher, patience, repairs=0)
    policy = PipelinePolicy(fill_after_seconds=60.0)
    pipeline = Pipeline(made, TEMPLATE, policy, wants_more=lambda: not budget.why_ended)
    scorer = ScriptedScorer(lambda _: Score(next(values)))
    return Lab(pipeline, training, scorer, ledger, rules, patience, front.watcher)


def spend_night(seconds: float, titles: list[str]) -> None:
    training, console, ledger = Training(seconds), Console(), MemoryLedger(TEMPLATE)
    refused = sum("REFUSE" in title for title in titles)
    budget = Budget(hours=8, experiments=len(titles) - refused + 1)

    def moment() -> Moment:
        return Moment(time.monotonic(), training.went, budget.seconds_left, budget.slots_left)

    terms = Terms(seconds, "a card that is none", Measure(), 81_559)
    console.say("a night of doubles")
    with watching(console, terms, ledger.history, moment) as front, Interrupts(budget, console.say_at_once):
        lab = lab_of(training, titles, budget, ledger, front)
        with lab.pipeline, suppress(ProposerError):  # the script has no title left
            run_night(lab, budget)
    console.say(f"the night is over: {budget.why_ended}")


def main(arguments: list[str]) -> int:
    try:
        spend_night(float(arguments[0]), arguments[1:])
    except RuntimeError as error:
        Console().say(f"error: {error}")
        return 3
    except KeyboardInterrupt:
        Console().say("interrupted")
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
