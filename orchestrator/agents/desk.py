"""Where agents ask and propose: answers come from the ledger, proposals go into the mailbox."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from threading import RLock
from types import TracebackType
from typing import Any

from orchestrator.agents import showing
from orchestrator.budget import Budget
from orchestrator.errors import LedgerError
from orchestrator.ports import Gate, Ledger
from orchestrator.proposers.mailbox import Mailbox
from orchestrator.proposers.replies import read_reply
from orchestrator.records import (
    Attempt,
    Decision,
    Experiment,
    Files,
    History,
    Measure,
    Objection,
    Proposal,
    Run,
)

MOST_REFUSED = 1000


class Denied(Exception):  # noqa: N818 - the agent's doing: data, not an error of ours
    """What was asked for cannot be had; the message says what can."""


@dataclass(frozen=True, slots=True)
class Briefing:
    """What an agent is told of its work: the agenda, the rules in force, and what is measured how long."""

    run: str
    agenda: str
    rules: str
    measure: Measure
    train_seconds: float


@dataclass(frozen=True, slots=True)
class Doing:
    """What the card is at, and since when on the monotonic clock."""

    word: str
    attempt: int
    since: float

    def __str__(self) -> str:
        return f"{self.word} attempt {self.attempt:04d} for {time.monotonic() - self.since:.0f} s"


class Desk:
    """Answers agents, and watches the loop on their behalf. Safe to use from several threads.

    Leaving it, as a context, tells them how the night ended: from then on it answers from what it knows and
    lets go of the ledger. `news` counts what was decided, so that somebody can wait for more.
    """

    def __init__(self, ledger: Ledger, box: Mailbox, gate: Gate, budget: Budget, briefing: Briefing) -> None:
        self._ledger, self._box, self._gate = ledger, box, gate
        self._budget, self._briefing = budget, briefing
        self._turn = RLock()
        self._last_known: History | None = None
        self._attempts: dict[int, int] = {}
        self._submitted = self._refused = 0
        self._newest = ledger.history().newest_number
        self._doing: Doing | None = None
        self.how_ended, self.news = "", 0

    def __enter__(self) -> Desk:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        reason = str(error) if error else self._budget.why_ended
        self._box.close(f"the night ended: {reason}")
        with self._turn:
            with suppress(LedgerError):
                self._last_known = self._ledger.history()
            self.how_ended, self._doing = reason or "interrupted", None
            self.news += 1

    @property
    def busy(self) -> bool:
        """Whether a container is at work right now."""
        return self._doing is not None

    def state(self) -> dict[str, Any]:
        """Everything that the next proposal may rest on."""
        history, briefing = self._history(), self._briefing
        return {
            "run": briefing.run,
            "notice": showing.NOTICE,
            "agenda": briefing.agenda.strip(),
            "rules": briefing.rules,
            "metric": asdict(briefing.measure),
            "best": showing.best_shown(history),
            "attempts": showing.attempts_table(history.entries),
            "underway": [showing.underway_shown(attempt) for attempt in history.underway],
            "doing": str(self._doing) if self._doing else "waiting for a proposal",
            "budget": self._budget_shown(),
        }

    def _budget_shown(self) -> dict[str, Any]:
        return {
            "train_seconds_of_an_attempt": self._briefing.train_seconds,
            "hours_left": 0.0 if self.how_ended else round(self._budget.seconds_left / 3600, 3),
            "ended": self.how_ended,
        }

    def submit(
        self, proposer: str, idea: Mapping[str, str], edits: Sequence[Mapping[str, str]]
    ) -> dict[str, Any]:
        """Objections, each of them a sentence, or the number of the submission that waits for the loop now.

        `idea` has a title, a hypothesis and a kind. Raises Denied when nothing is taken any more.
        """
        with self._turn:
            if self.how_ended:
                raise Denied(f"the night ended: {self.how_ended}. Start the server again to go on")
            history = self._history()
            proposal = _proposal(proposer, idea, edits, history)
            verdict = self._gate.review(_as_attempt(proposal, history))
            if not verdict.allowed:
                return self._refuse(proposal, verdict.objections)
            self._submitted = self._box.put(proposal)
            return {"accepted": True, "submission": self._submitted, "objections": []}

    def _refuse(self, proposal: Proposal, objections: Sequence[Objection]) -> dict[str, Any]:
        """What the gate refuses at once never becomes an attempt; the log says that it was there."""
        self._refused += 1
        if self._refused > MOST_REFUSED:
            raise Denied(f"{MOST_REFUSED} submissions were refused: read the rules, and start again")
        self._ledger.record(
            "proposal_refused",
            proposer=proposal.proposer,
            title=proposal.title,
            objections=[asdict(objection) for objection in objections],
            files={path: _digest(text) for path, text in proposal.files.items()},
        )
        return {"accepted": False, "submission": 0, "objections": [str(each) for each in objections]}

    def number_of(self, submission: int) -> int:
        """The attempt that a submission became; 0 while it waits."""
        return self._attempts.get(submission, 0)

    def experiment(self, number: int = 0) -> dict[str, Any]:
        """An attempt, or what became of the last submission.

        Raises Denied for one that there never was, or that nobody will decide on before the next start.
        """
        if not number and not self._submitted:
            raise Denied("nothing was submitted yet: give an attempt's number, or submit first")
        history, wanted = self._history(), number or self.number_of(self._submitted)
        for entry in history.entries:
            if entry.number == wanted:
                return showing.experiment_shown(entry, self._briefing.measure)
        if number and all(each.number != number for each in history.underway):
            raise Denied(f"there is no attempt {number}: the state lists them")
        if self.how_ended:
            raise Denied(f"not decided: the night ended: {self.how_ended}. Start the server again to go on")
        return {"attempt": wanted, "decided": False, "status": self._status(wanted)}

    def _status(self, number: int) -> str:
        if not number:
            return "waits until the attempt before it is done"
        doing = self._doing
        return str(doing) if doing and doing.attempt == number else "open; waits for the card"

    def source(self, number: int) -> Files:
        """The files of an attempt. Raises Denied for one that there never was."""
        history = self._history()
        files: dict[int, Files] = {entry.number: entry.files for entry in history.entries}
        files.update((attempt.number, attempt.files) for attempt in history.underway)
        if number in files:
            return showing.files_shown(files[number])
        raise Denied(f"there is no attempt {number}: the state lists them")

    def _history(self) -> History:
        with self._turn:
            return self._last_known or self._ledger.history()

    def proposing(self, proposer: str) -> None: ...

    def opened(self, attempt: Attempt) -> None:
        """An attempt of the submission in hand: a later one is the same change, merged onto a newer best."""
        if attempt.number > self._newest and attempt.proposal.proposer.startswith(self._box.name):
            self._attempts[self._box.handed_out] = attempt.number

    def training(self, attempt: Attempt) -> None:
        self._doing = Doing("training", attempt.number, time.monotonic())

    def scoring(self, attempt: Attempt, run: Run) -> None:  # noqa: ARG002 - the port's signature
        self._doing = Doing("scoring", attempt.number, time.monotonic())

    def measured(self, experiment: Experiment, decision: Decision) -> None:  # noqa: ARG002 - the port's signature
        self._doing = None

    def closed(self, experiment: Experiment, decision: Decision) -> None:  # noqa: ARG002 - the port's signature
        if self._doing and self._doing.attempt == experiment.attempt.number:
            self._doing = None
        self.news += 1


def _proposal(
    proposer: str, idea: Mapping[str, str], edits: Sequence[Mapping[str, str]], history: History
) -> Proposal:
    """Read as a model's reply is, so that the same edits mean the same and fail with the same words."""
    reply = {"title": idea["title"], "hypothesis": idea["hypothesis"], "edits": list(edits)}
    proposal = read_reply(json.dumps(reply), history.best_files, proposer=proposer)
    return replace(proposal, kind=idea["kind"], base=history.best_commit or "")


def _as_attempt(proposal: Proposal, history: History) -> Attempt:
    """What the gate would be shown if this were opened now."""
    files = {**history.best_files, **proposal.files}
    return Attempt(0, proposal, files, 0, parent=history.best_commit, base_files=history.best_files)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
