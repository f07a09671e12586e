"""The model proposes while it can be paid and reached; the tuner stands in for it, so that no card waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import InitVar, asdict, dataclass, field, replace
from typing import Any

from orchestrator.errors import ModelRefused, ProposalsExhausted, ProposerError
from orchestrator.policy import ModelPolicy
from orchestrator.ports import Proposer
from orchestrator.proposers.spending import Purse, price_of, priced
from orchestrator.records import History, Proposal, Usage

Record = Callable[..., object]
"""Takes an event's name, and its fields by keyword."""


@dataclass(slots=True)
class _Outage:
    """Since when the model is away, when it is asked again, and how often the tuner stood in meanwhile."""

    reason: str
    began: float
    wait_seconds: float
    next_try: float
    proposals: int = 0


@dataclass(slots=True)
class Relay:
    """The port Proposer over a model and a tuner; for one thread at a time.

    Caps count from this start on. Events go to `record`: `model_budget_spent` once, `model_went_away` and
    `model_came_back` for each outage. `clock` is monotonic, in seconds; `expected` is what the first
    request should cost.
    """

    model: Proposer
    tuner: Proposer
    policy: ModelPolicy
    clock: Callable[[], float]
    record: Record
    expected: InitVar[Usage] = Usage()  # noqa: RUF009 - frozen
    _purse: Purse = field(init=False)
    _outage: _Outage | None = field(default=None, init=False)
    _asked: bool = field(default=False, init=False)
    _said_spent: bool = field(default=False, init=False)

    def __post_init__(self, expected: Usage) -> None:
        self._purse = Purse(self.policy, expected)

    def goes_on_from(self, before: Relay) -> Relay:
        """The same start under another policy: what was spent stays spent, and who is away stays away."""
        self._purse = before._purse
        self._purse.policy = self.policy
        self._outage, self._asked, self._said_spent = before._outage, before._asked, before._said_spent
        return self

    @property
    def name(self) -> str:
        """Who is asked next: the model's name or the tuner's."""
        return self.tuner.name if self._waiting or self._purse.cap else self.model.name

    @property
    def _waiting(self) -> _Outage | None:
        """The outage, while it is too early to ask again."""
        return self._outage if self._outage and self.clock() < self._outage.next_try else None

    def propose(self, history: History) -> Proposal:
        """The model's proposal with its price, else the tuner's.

        Raises ProposalsExhausted at a cap where the policy ends the run or the tuner has nothing either,
        ModelRefused when the very first request shows that the key or the model's name is wrong, and
        ProposerError when the model is away and the tuner has nothing.
        """
        if cap := self._purse.cap:
            return self._after(cap, history)
        if outage := self._waiting:
            return self._stand_in(outage, history)
        return self._ask(history)

    def _ask(self, history: History) -> Proposal:
        first, self._asked = not self._asked, True
        try:
            proposal = self.model.propose(history)
        except ProposalsExhausted:
            raise
        except ProposerError as error:
            if first and isinstance(error, ModelRefused):
                raise
            return self._stand_in(self._note_outage(error), history)
        self._note_return()
        usage = priced(proposal.usage, price_of(proposal.proposer, self.policy.prices))
        self._purse.pay(usage)
        return replace(proposal, usage=usage)

    def _note_outage(self, error: ProposerError) -> _Outage:
        """A first failure begins an outage, a further one doubles the wait."""
        now, before, most = self.clock(), self._outage, self.policy.retry_most_seconds
        wait = min(2 * before.wait_seconds if before else self.policy.retry_seconds, most)
        began, proposals = (before.began, before.proposals) if before else (now, 0)
        self._outage = _Outage(error.message, began, wait, now + wait, proposals)
        if not before:
            fields = {"model": self.model.name, "reason": error.message, "remedy": error.remedy}
            self.record("model_went_away", **fields, retry_seconds=wait)
        return self._outage

    def _note_return(self) -> None:
        if self._outage:
            away = round(self.clock() - self._outage.began, 3)
            fields: dict[str, Any] = {"away_seconds": away, "proposals": self._outage.proposals}
            self.record("model_came_back", model=self.model.name, **fields)
            self._outage = None

    def _stand_in(self, outage: _Outage, history: History) -> Proposal:
        try:
            proposal = self._tuned(history)
        except ProposerError as error:
            message = f"the model is away ({outage.reason}), and {error.message}"
            raise ProposerError(message, remedy=error.remedy) from error
        outage.proposals += 1
        return proposal

    def _after(self, cap: str, history: History) -> Proposal:
        if not self._said_spent:
            self._said_spent = True
            fields = {"cap": cap, "when_spent": self.policy.when_spent}
            self.record("model_budget_spent", model=self.model.name, **fields, **asdict(self._purse.spent))
        message, remedy = f"the model's budget is spent ({cap})", "caps count from each start"
        if self.policy.when_spent == "end":
            raise ProposalsExhausted(message, remedy=remedy)
        try:
            return self._tuned(history)
        except ProposerError as error:
            raise ProposalsExhausted(f"{message}, and {error.message}", remedy=remedy) from error

    def _tuned(self, history: History) -> Proposal:
        proposal = self.tuner.propose(history)
        return replace(proposal, usage=priced(proposal.usage, None))
