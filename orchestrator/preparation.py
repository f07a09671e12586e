"""From a proposal to an attempt that every gate allows, mended on the way if need be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from threading import Event, Lock

from orchestrator.decision import Rules, decide
from orchestrator.errors import ProposerError
from orchestrator.merging import Conflict, merge
from orchestrator.novelty import kin, twin
from orchestrator.orders import orders_in
from orchestrator.patience import Patience
from orchestrator.ports import Gate, Ledger, Proposer, Watcher
from orchestrator.records import (
    Action,
    Attempt,
    Decision,
    Entry,
    Experiment,
    Files,
    History,
    Mend,
    Objection,
    Proposal,
    Underway,
    Usage,
    Verdict,
)
from orchestrator.text import sanitise_line

REMEMBERED = 64


class Closing(Exception):  # noqa: N818 - the night ends: nobody's fault
    """Nothing more is to be prepared."""


def review(reviews: Iterable[Callable[[Attempt], Verdict]], attempt: Attempt) -> Experiment:
    """The attempt with the first verdict that refuses it, else with one that allows it."""
    verdicts = (ask(attempt) for ask in reviews)
    return Experiment(attempt, next((verdict for verdict in verdicts if not verdict.allowed), Verdict()))


class Remembering:
    """A gate that is asked once about the same files, whoever asks: for what judges by nothing else."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._turn = Lock()
        self._verdicts: dict[tuple[tuple[str, str], ...], Verdict] = {}

    def review(self, attempt: Attempt) -> Verdict:
        """See the port; who asks while the same question is being answered waits for that answer."""
        key = tuple(sorted(attempt.files.items()))
        with self._turn:
            if key not in self._verdicts:
                self._verdicts[key] = self._gate.review(attempt)
                for old in list(self._verdicts)[:-REMEMBERED]:
                    del self._verdicts[old]
            return self._verdicts[key]


class Untried:
    """Refuses files that were tried before, with what came of them."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def review(self, attempt: Attempt) -> Verdict:
        """See the port; what changes nothing is the lint's business."""
        if attempt.proposal.problem or attempt.files == attempt.base_files:
            return Verdict()
        found = twin(self._ledger.history(), attempt.files, but=attempt.number)
        if found is None:
            return Verdict()
        message = f"these very files were tried as attempt {found.number:04d} ({result_of(found)})"
        return Verdict((Objection("duplicate", f"{message}: propose something else"),))


def result_of(attempt: Entry | Underway) -> str:
    """What came of an attempt, in a few words."""
    if isinstance(attempt, Underway):
        return "not decided yet"
    value = "" if attempt.value is None else f", {attempt.value:.6f}"
    return f"{attempt.action.value if value else attempt.status}{value}"


@dataclass(slots=True)
class Preparation:
    """Proposes, opens, reviews and mends. Safe to use from the background while an attempt trains."""

    proposer: Proposer
    gates: Sequence[Gate]
    ledger: Ledger
    rules: Rules
    watcher: Watcher
    patience: Patience
    refusals_in_a_row: int = 10
    repairs: int = 2
    asking: bool = False
    has_best: Event = field(default_factory=Event)
    closing: Event = field(default_factory=Event)

    def propose(self, mend: Mend | None = None) -> Experiment:
        """The proposer's next attempt, always an allowed one; refused ones are closed on the way.

        A refused proposal goes back to its proposer with the reason, `repairs` times in a row, before the
        idea is dropped. Raises ProposerError when proposals are refused in a row, ProposalsExhausted when
        nothing is left, and Closing when the night ends.
        """
        mended = 0
        for _ in range(self.refusals_in_a_row):
            reviewed = self._ask(mend)
            if reviewed.verdict.allowed:
                return reviewed
            self.close(reviewed)
            mended = mended + 1 if mended < self.repairs else 0
            mend = mend_of(reviewed) if mended else None
        raise ProposerError(
            f"{self.refusals_in_a_row} proposals in a row were refused; the last: {reviewed.verdict.reason}",
            remedy="read them with 'autoresearch status', then mend program.md or the policy",
        )

    def _ask(self, mend: Mend | None) -> Experiment:
        """One proposal, opened on the best that its proposer saw, and reviewed."""
        if self.closing.is_set():
            raise Closing
        self.watcher.proposing(self.proposer.name)
        history = replace(self.ledger.history(), mend=mend)
        self.asking = True
        try:
            proposal = self._in_other_words(self.proposer.propose(history), history)
        finally:
            self.asking = False
        if history.best_commit is None:
            self._rehearse_on_the_baseline(proposal, history.best_files)
        if self.closing.is_set():
            raise Closing
        return self.open(proposal, proposal.base or history.best_commit)

    def give_up_asking(self) -> None:
        """Record that a model's answer is not waited for: it may be paid for, and no attempt will say so."""
        if self.proposer.name.startswith("openai"):
            self.ledger.record("answer_not_awaited", model=self.proposer.name)

    def _in_other_words(self, proposal: Proposal, history: History) -> Proposal:
        """A model that comes with an idea that was tried is told so once, and may insist."""
        if not (proposal.usage.requests and self.repairs) or history.mend:
            return proposal
        files = {**history.best_files, **proposal.files}
        if twin(history, files):  # which a gate refuses
            return proposal
        like = kin(history, history.best_files, files)
        if like is None:
            return proposal
        fields = {
            "title": sanitise_line(proposal.title, 200),
            "like": like.number,
            "share": round(like.share, 3),
        }
        self.ledger.record("likeness_pointed_out", **fields)
        entries = (entry for entry in history.entries if entry.number == like.number)
        came = next((f" ({result_of(entry)})" for entry in entries), "")
        reason = (
            f"the same idea as attempt {like.number:04d}{came} in other words; propose something else, "
            "or the same again if you have a reason to insist"
        )
        try:
            again = self.proposer.propose(replace(history, mend=Mend(proposal, reason)))
        except ProposerError:
            return proposal  # it is paid for; whoever asks next learns what is wrong
        return replace(again, usage=proposal.usage + again.usage)

    def _rehearse_on_the_baseline(self, proposal: Proposal, template: Files) -> None:
        """Review what is opened only when the baseline is the best."""
        if not self.closing.is_set():
            self.review(Attempt(0, proposal, {**template, **proposal.files}, 0, base_files=template))
        self.has_best.wait()

    def open(self, proposal: Proposal, base: str | None = None) -> Experiment:
        """Make it an attempt, built on the commit `base` or else on the best, and review it."""
        attempt = self.ledger.open(proposal, base)
        self.watcher.opened(attempt)
        reviewed = self.review(attempt)
        flag_orders(self.ledger, attempt.number, reviewed.verdict.log)
        return reviewed

    def review(self, attempt: Attempt) -> Experiment:
        """What the gates say; a fault of ours in one of them is repeated."""
        return review([self._patiently(gate) for gate in self.gates], attempt)

    def _patiently(self, gate: Gate) -> Callable[[Attempt], Verdict]:
        return lambda attempt: self.patience.insist(gate.review, attempt)

    def close(self, refused: Experiment) -> None:
        """Record an attempt that was refused."""
        decision = decide(refused, self.ledger.evidence(refused.attempt.number), self.rules)
        self._conclude(refused, decision)

    def rests_on_the_best(self, reviewed: Experiment) -> bool:
        """Whether what it would replace is still the best."""
        return reviewed.attempt.parent == self.ledger.best

    def onto_the_best(self, stale: Experiment) -> Experiment:
        """The same change made to the present best, as an attempt of its own; else what its proposer makes
        of it, or proposes instead."""
        attempt, history = stale.attempt, self.ledger.history()
        newer = f"attempt {history.best_number:04d} became the best meanwhile"
        try:
            files = merge(base=attempt.base_files, ours=history.best_files, theirs=attempt.files)
        except Conflict as conflict:
            reason = f"{newer}, and this change does not fit it: {conflict}"
            self._conclude(stale, Decision(Action.DISCARD, reason))
            return self.propose(Mend(attempt.proposal, reason, stale=True))
        changed = {path: text for path, text in files.items() if history.best_files.get(path) != text}
        merged = self.open(replace(attempt.proposal, files=changed, usage=Usage()), history.best_commit)
        reason = f"{newer}: merged onto it as attempt {merged.attempt.name}"
        self._conclude(stale, Decision(Action.DISCARD, reason))
        if merged.verdict.allowed:
            return merged
        self.close(merged)
        return self.propose(mend_of(merged))

    def rehearse(self, ahead: Experiment, running: Experiment) -> None:
        """Review what `ahead` would become if the running attempt were kept, so that it is known by then."""
        base, change = running.attempt, ahead.attempt
        if change.parent != base.parent:
            return
        try:
            files = merge(base=base.base_files, ours=base.files, theirs=change.files)
        except Conflict:
            return
        self.review(replace(change, files=files, base_files=base.files, parent=base.commit))

    def _conclude(self, experiment: Experiment, decision: Decision) -> None:
        self.ledger.close(experiment, decision)
        self.watcher.closed(experiment, decision)


def flag_orders(ledger: Ledger, number: int, log: str) -> None:
    """Record that what a candidate printed reads like orders to a model."""
    if found := orders_in(log):
        ledger.record("orders_found", number=number, lines=len(found), first=sanitise_line(found[0], 200))


def mend_of(refused: Experiment) -> Mend:
    """What a proposer is told of its refused proposal."""
    return Mend(refused.attempt.proposal, refused.verdict.reason, refused.verdict.log)
