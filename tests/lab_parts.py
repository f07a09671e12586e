"""What the tests of the loop and its parts build a night from: the shipped doubles and a few records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from orchestrator.lab import Lab
from orchestrator.patience import Patience
from orchestrator.pipeline import Pipeline
from orchestrator.policy import BudgetPolicy, DecisionPolicy, PipelinePolicy
from orchestrator.ports import Gate, Ledger, Proposer
from orchestrator.preparation import Preparation
from orchestrator.records import (
    Attempt,
    Decision,
    Experiment,
    Files,
    Objection,
    Outcome,
    Proposal,
    ResultFile,
    Run,
    Score,
    Usage,
    Verdict,
)
from orchestrator.testing import FakeSandbox, MemoryLedger, OpenGate, ScriptedProposer, ScriptedScorer

TEMPLATE = {"train.py": "BASELINE\n"}
RESULT = ResultFile({}, {"steps": 3.0}, "a" * 64, "b" * 64, 10)


def proposing(*texts: str, usage: Usage = Usage()) -> list[Proposal]:  # noqa: B008 - frozen
    return [Proposal(text, {"train.py": f"{text}\n"}, proposer="scripted", usage=usage) for text in texts]


def completed(attempt: Attempt) -> Run:
    return Run(f"run-{attempt.name}", Outcome.COMPLETED, 1.0, result=RESULT)


def crashed(attempt: Attempt) -> Run:
    return Run(f"run-{attempt.name}", Outcome.CRASHED, 1.0, reason="ValueError: x", exit_code=1)


def following(pipeline: Pipeline) -> Experiment:
    """The next attempt, where there must be one."""
    reviewed = pipeline.next()
    assert reviewed is not None
    return reviewed


class WordGate:
    """Refuses every attempt whose file says REFUSE."""

    def review(self, attempt: Attempt) -> Verdict:
        if "REFUSE" in attempt.files["train.py"]:
            return Verdict((Objection("word", "it says REFUSE", "train.py"),))
        return Verdict()


@dataclass
class Diary:
    """A watcher that writes down what it is told."""

    lines: list[str] = field(default_factory=list)

    def proposing(self, proposer: str) -> None:
        self.lines.append(f"proposing {proposer}")

    def opened(self, attempt: Attempt) -> None:
        self.lines.append(f"opened {attempt.number}")

    def training(self, attempt: Attempt) -> None:
        self.lines.append(f"training {attempt.number}")

    def scoring(self, attempt: Attempt, run: Run) -> None:
        self.lines.append(f"scoring {attempt.number} {run.run_id}")

    def measured(self, experiment: Experiment, decision: Decision) -> None:
        self.lines.append(f"measured {experiment.attempt.number} {decision.action.value}")

    def closed(self, experiment: Experiment, decision: Decision) -> None:
        self.lines.append(f"closed {experiment.attempt.number} {decision.action.value}")


@dataclass
class Night:
    """A lab of doubles. `values` are the scores of the runs, in order."""

    proposals: Sequence[Proposal] = ()
    values: Sequence[float] = ()
    run: Callable[[Attempt], Run] = completed
    gates: Sequence[Gate] = (OpenGate(),)
    budget: BudgetPolicy = BudgetPolicy()  # noqa: RUF009 - frozen
    score: Callable[[Run], Score] | None = None
    ledger: Ledger | None = None
    proposer: Proposer | None = None
    template: Files = field(default_factory=lambda: TEMPLATE)
    repairs: int = 0
    spares: Sequence[Proposer] = ()
    fill_after_seconds: float = 60.0
    wants_more: Callable[[], bool] = lambda: False
    rules: DecisionPolicy = DecisionPolicy(rule="greedy", margin=0.01)  # noqa: RUF009 - frozen

    def __post_init__(self) -> None:
        self.ran: list[tuple[int, int]] = []
        self.memory = MemoryLedger(self.template)
        self.diary = Diary()
        self._values = iter(self.values)

    @property
    def book(self) -> Ledger:
        return self.ledger or self.memory

    def pipeline(self) -> Pipeline:
        return Pipeline(
            self.preparation(),
            self.template,
            PipelinePolicy(fill_after_seconds=self.fill_after_seconds),
            self.spares,
            wants_more=self.wants_more,
        )

    def following(self) -> Experiment:
        """The next attempt of a pipeline of its own."""
        return following(self.pipeline())

    def preparation(self) -> Preparation:
        return Preparation(
            self.proposer or ScriptedProposer(self.proposals),
            self.gates,
            self.book,
            self.rules,
            self.diary,
            self.patience(),
            refusals_in_a_row=self.budget.refusals_in_a_row,
            repairs=self.repairs,
        )

    def patience(self) -> Patience:
        return Patience(self.budget.faults_in_a_row, self.book.record, wait_seconds=0.0)

    def lab(self) -> Lab:
        score = self.score or (lambda _: Score(next(self._values)))
        sandbox, scorer = FakeSandbox(self._ran), ScriptedScorer(score)
        return Lab(self.pipeline(), sandbox, scorer, self.book, self.rules, self.patience(), self.diary)

    def _ran(self, attempt: Attempt) -> Run:
        self.ran.append((attempt.number, attempt.seed))
        return self.run(attempt)

    def actions(self) -> list[str]:
        return [entry.action.value for entry in self.book.history().entries]

    def statuses(self) -> list[str]:
        return [entry.status for entry in self.book.history().entries]
