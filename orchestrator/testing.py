"""The doubles of the five seams, shipped so that parts can be tried without the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from orchestrator.errors import LedgerError, ProposerError
from orchestrator.ports import Promising
from orchestrator.records import (
    Action,
    Attempt,
    Decision,
    Direction,
    Entry,
    Evidence,
    Experiment,
    Files,
    History,
    Proposal,
    Run,
    Score,
    Verdict,
)


class ScriptedProposer:
    """Proposes a given list in order; out of reach, as ProposerError says, after its last one."""

    name = "scripted"

    def __init__(self, proposals: Iterable[Proposal]) -> None:
        self._rest = list(proposals)
        self.seen: list[History] = []

    def propose(self, history: History) -> Proposal:
        self.seen.append(history)
        if not self._rest:
            raise ProposerError("the script has no proposal left", remedy="give it more")
        return self._rest.pop(0)


class OpenGate:
    """Allows everything."""

    def review(self, attempt: Attempt) -> Verdict:  # noqa: ARG002 - the port's signature
        return Verdict()


class FakeSandbox:
    """Answers each attempt by a function; remembers that it was closed."""

    def __init__(self, answer: Callable[[Attempt], Run]) -> None:
        self._answer = answer
        self.closed = False

    def run(self, attempt: Attempt) -> Run:
        return self._answer(attempt)

    def close(self) -> None:
        self.closed = True


class ScriptedScorer:
    """Scores each run by a function; nothing is ever challenged."""

    def __init__(self, answer: Callable[[Run], Score]) -> None:
        self._answer = answer

    def score(self, run: Run, promising: Promising) -> Score:  # noqa: ARG002 - the port's signature
        return self._answer(run)


class MemoryLedger:
    """A ledger that forgets when the process ends; otherwise it behaves like the real one.

    `template` is what attempts are based on until one is kept. `events` holds what was recorded.
    """

    def __init__(self, template: Files, direction: Direction = Direction.MINIMIZE) -> None:
        self._best_files = dict(template)
        self._best: str | None = None
        self._evidence = Evidence(direction=direction)
        self._opened: dict[int, Attempt] = {}
        self._entries: list[Entry] = []
        self.events: list[tuple[str, dict[str, Any]]] = []

    def history(self) -> History:
        return History(dict(self._best_files), self._evidence.best_value, tuple(self._entries))

    def evidence(self) -> Evidence:
        return self._evidence

    def recover(self) -> Attempt | None:
        return None

    def open(self, proposal: Proposal) -> Attempt:
        number = len(self._entries) + len(self._opened) + 1
        base = dict(self._best_files)
        attempt = Attempt(
            number=number,
            proposal=proposal,
            files={**base, **proposal.files},
            seed=number,
            commit=f"{number:040x}",
            parent=self._best,
            base_files=base,
        )
        self._opened[number] = attempt
        return attempt

    def close(self, experiment: Experiment, decision: Decision) -> None:
        attempt = experiment.attempt
        if attempt.number not in self._opened:
            raise LedgerError(f"attempt {attempt.name} is not open", remedy="close each attempt once")
        if decision.action is Action.KEEP:
            if experiment.value is None:
                raise LedgerError(f"attempt {attempt.name} has no value", remedy="keep only a scored attempt")
            self._best, self._best_files = attempt.commit, dict(attempt.files)
            self._evidence = replace(self._evidence, best_value=experiment.value, best_number=attempt.number)
        del self._opened[attempt.number]
        self._entries.append(_entry(experiment, decision))

    def record(self, event: str, /, **fields: Any) -> None:
        self.events.append((event, fields))


def _entry(experiment: Experiment, decision: Decision) -> Entry:
    attempt, run = experiment.attempt, experiment.run
    return Entry(
        number=attempt.number,
        title=attempt.proposal.title,
        hypothesis=attempt.proposal.hypothesis,
        proposer=attempt.proposal.proposer,
        action=decision.action,
        status=experiment.status,
        value=experiment.value,
        reason=decision.reason,
        commit=attempt.commit,
        files=attempt.files,
        train_seconds=run.train_seconds if run else 0.0,
        log_tail=run.log[-4000:] if run else "",
        verified=experiment.score is None or experiment.score.verified,
    )
