"""Where attempts come from: the interrupted ones first, then the baseline, then the proposer's.

While one attempt trains, the next is proposed, opened, reviewed and smoke-tested in the background, and then
rehearsed as it would be if the running one were kept. So whatever is decided, the next one is ready.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from orchestrator.background import Background
from orchestrator.errors import ProposalsExhausted, ProposerError, SetupError
from orchestrator.policy import PipelinePolicy
from orchestrator.ports import Proposer
from orchestrator.preparation import Preparation
from orchestrator.records import Experiment, Files, Proposal

CLOSING_SECONDS = 90.0


@dataclass(slots=True)
class Pipeline:
    """Gives the loop attempts that were opened in the ledger and allowed by every gate.

    `spares` propose for the card when nothing new is ready; `wants_more` says whether the night has a slot
    after the one under way; what `before_each` raises ends the sitting before another attempt. Use as a
    context manager: leaving it ends the work in the background.
    """

    preparation: Preparation
    template: Files
    policy: PipelinePolicy = field(default_factory=PipelinePolicy)
    spares: Sequence[Proposer] = ()
    best_runs: int = 3
    wants_more: Callable[[], bool] = lambda: True
    before_each: Callable[[], None] = lambda: None
    _background: Background = field(default_factory=lambda: Background("prepare"))
    _coming: Future[Experiment] | None = None
    _stale: list[Experiment] = field(default_factory=list)
    _rehearsal: Future[None] | None = None
    _running: Experiment | None = None
    _recovered: bool = False
    _baseline_tried: bool = False

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(wait_seconds=0.0 if kind is KeyboardInterrupt else CLOSING_SECONDS)

    def next(self) -> Experiment | None:
        """The next attempt with its verdict, always an allowed one that rests on the best.

        None when nothing is ready: the card does best to measure the best once more. Raises SetupError when
        the baseline itself cannot be used, and whatever went wrong in the background.
        """
        self._running = None
        self.before_each()
        self._check_rehearsal()
        reviewed = self._interrupted() or self._baseline() or self._proposed()
        if reviewed:
            self._look_ahead(reviewed)
        return reviewed

    def close(self, wait_seconds: float = CLOSING_SECONDS) -> None:
        """End the work in the background; a model that has not answered yet is not waited for.

        What is not done by then opens and closes nothing any more, and the guard removes its container.
        """
        preparation = self.preparation
        preparation.closing.set()
        preparation.has_best.set()
        if not preparation.asking:
            self._background.settle(wait_seconds)
        elif wait_seconds:  # whoever cuts everything short may have cut the log's last write short too
            preparation.give_up_asking()

    def _interrupted(self) -> Experiment | None:
        while not self._recovered:
            attempt = self.preparation.ledger.recover()
            if attempt is None:
                self._recovered = True
                break
            self.preparation.watcher.opened(attempt)
            reviewed = self.preparation.review(attempt)
            if not reviewed.verdict.allowed:
                self.preparation.close(reviewed)
            elif self.preparation.rests_on_the_best(reviewed):
                return reviewed
            else:
                self._stale.append(reviewed)
        return None

    def _baseline(self) -> Experiment | None:
        ledger = self.preparation.ledger
        if ledger.best is not None:
            self.preparation.has_best.set()
            return None
        if self._baseline_tried:
            entries = ledger.history().entries
            raise SetupError(
                f"the baseline has no score: {entries[-1].reason}",
                remedy="mend the task's train.py; 'autoresearch try' shows its log",
            )
        self._baseline_tried = True
        proposal = Proposal("baseline", dict(self.template), "the task as it stands", "template")
        reviewed = self.preparation.open(proposal)
        if reviewed.verdict.allowed:
            return reviewed
        self.preparation.close(reviewed)
        message = f"the baseline is refused: {reviewed.verdict.reason}"
        raise SetupError(message, remedy="mend the task or the policy")

    def _proposed(self) -> Experiment | None:
        while True:
            self._coming = coming = self._coming or self._prepared()
            if not wait([coming], self.policy.fill_after_seconds).done and self._has_other_work():
                return self._meanwhile()
            self._coming = None
            reviewed = coming.result()
            if self.preparation.rests_on_the_best(reviewed):
                return reviewed
            self._stale.insert(0, reviewed)

    def _prepared(self) -> Future[Experiment]:
        """Begin with the next: what rests on an old best comes before anything new."""
        preparation = self.preparation
        if self._stale:
            return self._background.start(partial(preparation.onto_the_best, self._stale.pop(0)))
        return self._background.start(preparation.propose)

    def _has_other_work(self) -> bool:
        """Whether the card can do better than wait: a best to be sure of, or somebody else's proposals."""
        return bool(self.spares) or self.preparation.ledger.evidence().best.runs < self.best_runs

    def _meanwhile(self) -> Experiment | None:
        """A spare attempt, once the best was measured often enough; None asks for that."""
        ledger = self.preparation.ledger
        if ledger.evidence().best.runs < self.best_runs:
            return None
        for spare in self.spares:
            with suppress(ProposerError, ProposalsExhausted):
                history = ledger.history()
                reviewed = self.preparation.open(spare.propose(history), history.best_commit)
                if reviewed.verdict.allowed:
                    return reviewed
                self.preparation.close(reviewed)
        return None

    def _look_ahead(self, running: Experiment) -> None:
        self._running = running
        if self._coming is None and self.wants_more():
            self._coming = self._prepared()
        if self._coming:
            self._rehearsal = self._background.start(partial(self._rehearse, self._coming, running))

    def _rehearse(self, coming: Future[Experiment], running: Experiment) -> None:
        """Nothing, where the running one was decided before: the next proposal is not to wait for that."""
        if running is self._running and coming.exception() is None:  # which comes out where it is taken
            self.preparation.rehearse(coming.result(), running)

    def _check_rehearsal(self) -> None:
        if self._rehearsal and self._rehearsal.done():
            self._rehearsal.result()
