"""Where attempts come from: the interrupted one first, then the baseline, then the proposer's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from orchestrator.decision import Rules, decide
from orchestrator.errors import ProposerError, SetupError
from orchestrator.patience import Patience
from orchestrator.policy import BudgetPolicy
from orchestrator.ports import Gate, Ledger, Proposer, Watcher
from orchestrator.records import Attempt, Experiment, Files, Proposal, Verdict


def review(reviews: Iterable[Callable[[Attempt], Verdict]], attempt: Attempt) -> Experiment:
    """The attempt with the first verdict that refuses it, else with one that allows it."""
    verdicts = (ask(attempt) for ask in reviews)
    return Experiment(attempt, next((verdict for verdict in verdicts if not verdict.allowed), Verdict()))


@dataclass(slots=True)
class Pipeline:
    """Gives the loop attempts that were opened in the ledger and allowed by every gate."""

    proposer: Proposer
    gates: Sequence[Gate]
    ledger: Ledger
    rules: Rules
    budget: BudgetPolicy
    template: Files
    watcher: Watcher
    patience: Patience
    _recovered: bool = field(default=False)
    _baseline_tried: bool = field(default=False)

    def next(self) -> Experiment:
        """The next attempt with its verdict, always an allowed one.

        Refused attempts are closed on the way. Raises SetupError when the baseline itself cannot be
        used, ProposerError when proposals are refused in a row, ProposalsExhausted when nothing is left.
        """
        reviewed = self._interrupted() or self._baseline()
        return reviewed or self._proposed()

    def _interrupted(self) -> Experiment | None:
        if self._recovered:
            return None
        self._recovered = True
        attempt = self.ledger.recover()
        if attempt is None:
            return None
        self.watcher.opened(attempt)
        reviewed = self._review(attempt)
        if reviewed.verdict.allowed:
            return reviewed
        self._close(reviewed)
        return None

    def _baseline(self) -> Experiment | None:
        if self.ledger.evidence().best_value is not None:
            return None
        if self._baseline_tried:
            entries = self.ledger.history().entries
            raise SetupError(
                f"the baseline has no score: {entries[-1].reason}",
                remedy="mend the task's train.py; 'autoresearch try' shows its log",
            )
        self._baseline_tried = True
        proposal = Proposal("baseline", dict(self.template), "the task as it stands", "template")
        reviewed = self._open(proposal)
        if reviewed.verdict.allowed:
            return reviewed
        self._close(reviewed)
        message = f"the baseline is refused: {reviewed.verdict.reason}"
        raise SetupError(message, remedy="mend the task or the policy")

    def _proposed(self) -> Experiment:
        for _ in range(self.budget.refusals_in_a_row):
            reviewed = self._open(self._propose())
            if reviewed.verdict.allowed:
                return reviewed
            self._close(reviewed)
        count, last = self.budget.refusals_in_a_row, reviewed.verdict.reason
        raise ProposerError(
            f"{count} proposals in a row were refused; the last: {last}",
            remedy="read them with 'autoresearch status', then mend program.md or the policy",
        )

    def _propose(self) -> Proposal:
        self.watcher.proposing(self.proposer.name)
        return self.proposer.propose(self.ledger.history())

    def _open(self, proposal: Proposal) -> Experiment:
        attempt = self.ledger.open(proposal)
        self.watcher.opened(attempt)
        return self._review(attempt)

    def _review(self, attempt: Attempt) -> Experiment:
        return review([self._patiently(gate) for gate in self.gates], attempt)

    def _patiently(self, gate: Gate) -> Callable[[Attempt], Verdict]:
        return lambda attempt: self.patience.insist(gate.review, attempt)

    def _close(self, refused: Experiment) -> None:
        decision = decide(refused, self.ledger.evidence(refused.attempt.number), self.rules)
        self.ledger.close(refused, decision)
        self.watcher.closed(refused, decision)
