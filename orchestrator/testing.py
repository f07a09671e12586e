"""The doubles of the five seams, shipped so that parts can be tried without the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from threading import RLock
from typing import Any

from orchestrator.deciding.evidence import Evidence, code_lines
from orchestrator.deciding.night import Closed, Night, Sample
from orchestrator.errors import LedgerError, ProposerError
from orchestrator.ports import Prospects
from orchestrator.records import (
    Action,
    Attempt,
    Curve,
    Decision,
    Direction,
    Entry,
    Experiment,
    Files,
    History,
    Proposal,
    Run,
    Score,
    Spent,
    Underway,
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
    """Answers each attempt by a function; remembers the last best curve, and that it was closed."""

    def __init__(self, answer: Callable[[Attempt], Run]) -> None:
        self._answer = answer
        self.closed = False
        self.best_progress: Curve = ()

    def run(self, attempt: Attempt, *, best_progress: Curve = ()) -> Run:
        self.best_progress = best_progress
        return self._answer(attempt)

    def close(self) -> None:
        self.closed = True


class ScriptedScorer:
    """Scores each run by a function; nothing is ever challenged, nor measured on the holdout."""

    def __init__(self, answer: Callable[[Run], Score]) -> None:
        self._answer = answer

    def score(self, run: Run, prospects: Prospects) -> Score:  # noqa: ARG002 - the port's signature
        return self._answer(run)


class MemoryLedger:
    """A ledger that forgets when the process ends; otherwise it behaves like the real one, threads included.

    `template` is what attempts are based on until one is kept. `events` holds what was recorded.
    """

    def __init__(self, template: Files, direction: Direction = Direction.MINIMIZE) -> None:
        self._template = dict(template)
        self._direction = direction
        self._turn = RLock()
        self._best: Attempt | None = None
        self._attempts: dict[int, Attempt] = {}
        self._runs: dict[int, list[Experiment]] = {}
        self._closed: dict[int, tuple[Experiment, Decision, Closed]] = {}
        self._spent = Spent()
        self.events: list[tuple[str, dict[str, Any]]] = []

    @property
    def best(self) -> str | None:
        return self._best.commit if self._best else None

    def history(self) -> History:
        with self._turn:
            evidence = self.evidence()
            return History(
                dict(self._best.files if self._best else self._template),
                evidence.best_value,
                tuple(self._entry(number) for number in self._closed),
                best_number=evidence.best_number or 0,
                best_commit=self.best,
                underway=tuple(
                    Underway(number, each.proposal.title, each.proposal.hypothesis, each.files)
                    for number, each in self._attempts.items()
                    if number not in self._closed
                ),
                noise=evidence.noise,
            )

    def _entry(self, number: int) -> Entry:
        experiment, decision, _ = self._closed[number]
        base = self._by_commit(experiment.attempt.parent)
        return _entry(experiment, decision, self._sample(number), self._direction, base.number if base else 0)

    def _by_commit(self, commit: str | None) -> Attempt | None:
        return next((each for each in self._attempts.values() if each.commit == commit), None)

    def evidence(self, of: int | None = None) -> Evidence:
        with self._turn:
            best = self._best.number if self._best else None
            scored = [] if best is None else [each.run for each in self._runs[best] if each.value is not None]
            progress = scored[-1].progress if scored and scored[-1] else ()
            night = self._night()
            return Evidence(best, self._sample(best), self._sample(of), night, progress, self._direction)

    def _sample(self, number: int | None) -> Sample:
        if number is None:
            return Sample()
        runs = self._runs.get(number, [])
        values = tuple(self._direction.loss(run.value) for run in runs if run.value is not None)
        return Sample(values, code_lines(self._attempts[number].files), len(runs))

    def _night(self) -> Night:
        kept = [number for number, (*_, closed) in self._closed.items() if closed.kept]
        attempts = tuple(
            closed
            for _, decision, closed in self._closed.values()
            if closed.values and decision.action is not Action.HOLD
        )
        return Night(attempts, tuple(self._sample(number).values for number in kept))

    def recover(self) -> Attempt | None:
        return None

    def open(self, proposal: Proposal, base: str | None = None) -> Attempt:
        with self._turn:
            number, parent = len(self._attempts) + 1, self._by_commit(base) if base else self._best
            base_files = parent.files if parent else self._template
            attempt = Attempt(
                number=number,
                proposal=proposal,
                files={**base_files, **proposal.files},
                seed=number,
                commit=f"{number:040x}",
                parent=parent.commit if parent else None,
                base_files=base_files,
                spent=self._spent.plus(proposal.usage),
            )
            self._attempts[number], self._spent = attempt, attempt.spent
            return attempt

    def next_run(self, number: int) -> Attempt:
        return replace(self._attempts[number], seed=number + 1000 * len(self._runs.get(number, [])))

    def measure(self, experiment: Experiment, serving: int) -> None:
        with self._turn:
            if not experiment.attempt.number == serving == (self._best.number if self._best else 0):
                self._check_open(serving)
            self._runs.setdefault(experiment.attempt.number, []).append(experiment)

    def close(self, experiment: Experiment, decision: Decision) -> None:
        with self._turn:
            attempt = experiment.attempt
            self._check_open(attempt.number)
            evidence, kept = self.evidence(attempt.number), decision.action is Action.KEEP
            if kept and not evidence.candidate.values:
                raise LedgerError(f"attempt {attempt.name} has no value", remedy="keep only a scored attempt")
            bests = len(evidence.night.bests)
            probability = decision.facts.get("probability")
            closed = Closed(evidence.candidate.values, kept, probability, bests - 1 if bests else None)
            self._closed[attempt.number] = (experiment, decision, closed)
            if kept:
                self._best = attempt

    def _check_open(self, number: int) -> None:
        if number not in self._attempts or number in self._closed:
            raise LedgerError(f"attempt {number:04d} is not open", remedy="close each attempt once")

    def record(self, event: str, /, **fields: Any) -> None:
        self.events.append((event, fields))


def _entry(
    experiment: Experiment, decision: Decision, sample: Sample, direction: Direction, base: int
) -> Entry:
    attempt, run = experiment.attempt, experiment.run
    return Entry(
        number=attempt.number,
        title=attempt.proposal.title,
        hypothesis=attempt.proposal.hypothesis,
        proposer=attempt.proposal.proposer,
        action=decision.action,
        status=experiment.status,
        value=direction.loss(sample.mean) if experiment.value is not None else None,
        reason=decision.reason,
        commit=attempt.commit,
        files=attempt.files,
        runs=sample.tried,
        train_seconds=run.train_seconds if run else 0.0,
        log_tail=run.log[-4000:] if run else "",
        verified=experiment.score is None or experiment.score.verified,
        base=base,
        kind=attempt.proposal.kind,
        usage=attempt.proposal.usage,
    )
