"""What a log tells, event by event: the story of a run that goes on is read on from where it was left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestrator.deciding.noise import Noise, pooled
from orchestrator.errors import LedgerError
from orchestrator.ledger.audit import Event, Reading, read_lines
from orchestrator.ledger.facts import memory_gb
from orchestrator.ledger.index import read_index, summary_of
from orchestrator.ledger.reading import is_held
from orchestrator.ledger.repo import BareRepo
from orchestrator.ledger.standing import Lines
from orchestrator.ledger.state import State, disagreements
from orchestrator.records import Action, Objection, Usage
from orchestrator.story import AttemptStory, Chain, Happening, RunStory, Sitting, Story

_TOLD_IN_ATTEMPTS = frozenset(
    {"run_created", "attempt_opened", "attempt_resumed", "attempt_measured", "attempt_closed"}
)
_FRAME = frozenset({"seq", "time", "event", "prev", "hash", "refs"})
_DIGESTS = ("prompt_sha256", "reply_sha256")
_LONGEST_POLICY = 1 << 18


@dataclass(slots=True)
class Telling:
    """What was read of a run's log until its end or its first break; a sitting is its first and last event.

    `policy_digest` is the latest that any event names: the policy in force. `problem` is the break, after
    which nothing is read any more.
    """

    folder: Path
    reading: Reading = field(default_factory=Reading)
    state: State = field(default_factory=State)
    others: list[Event] = field(default_factory=list)
    sittings: list[tuple[Event, Event]] = field(default_factory=list)
    policy_digest: str = ""
    problem: str = ""
    _ends: list[int] = field(default_factory=list)
    _told: set[int] = field(default_factory=set)
    _attempts: dict[int, AttemptStory] = field(default_factory=dict)

    @classmethod
    def of_index(cls, folder: Path) -> Telling:
        """Begun with what the run's index says, which is quicker; with nothing where it does not hold.

        Digests of prompts and replies are then missing of what the index has.
        """
        begun, index = cls(folder), read_index(folder)
        try:
            for event in index.events:
                begun._take(event)
            begun._ends.extend(index.ends)
            if index.events:
                head = begun.lines.event(len(index.ends))["hash"]
                begun.reading = Reading(len(index.ends), head, index.ends[-1])
        except (LedgerError, LookupError, TypeError, ValueError):
            return cls(folder)
        return begun

    @property
    def log(self) -> Path:
        return self.folder / "audit.jsonl"

    @property
    def lines(self) -> Lines:
        """The whole events that were read, by their numbers."""
        return Lines(self.log, self._ends)

    @property
    def is_ended(self) -> bool:
        """Whether the last start came to its end, by the log."""
        return bool(self.sittings) and self.sittings[-1][1]["event"] == "night_ended"

    def read_on(self) -> tuple[int, ...]:
        """Read what the log has gained; the numbers of the attempts that are told anew, in order.

        Raises LedgerError when not even the beginning can be read.
        """
        if self.problem:
            return ()
        try:
            for line in read_lines(self.log, self.reading, curves=False):
                self._take(_shortened(line.event))
                self._ends.append(self.reading.good_bytes)
        except LedgerError as error:
            self.problem = error.message
            if not self.state.created:
                raise
        if not self.state.created:
            raise LedgerError(f"{self.log.name} is empty: the run has not begun", remedy="start it once more")
        numbers = tuple(sorted(self._told & self.state.opened.keys()))
        self._told.clear()
        for number in numbers:
            self._attempts[number] = _attempt(self.state, number)
        return numbers

    def _take(self, event: Event) -> None:
        """Add the next event. Raises LedgerError when it contradicts the ones before."""
        self.state.apply(event)
        name = event["event"]
        self.policy_digest = str(event.get("policy_digest") or self.policy_digest)
        if name in _TOLD_IN_ATTEMPTS:
            self._told.update(number for key in ("number", "serving") if (number := event.get(key)))
        else:
            self.others.append(event)
        if name == "night_began":
            self.sittings.append((event, event))
        elif self.sittings and self.sittings[-1][1]["event"] != "night_ended" and name != "run_resumed":
            self.sittings[-1] = (self.sittings[-1][0], event)

    def story(self, *, held: bool) -> Story:
        """What is told so far; `held` says that a process is at work on the run."""
        state = self.state
        attempts = tuple(self._attempts.values())
        kept = tuple(number for number, event in state.closed.items() if event["action"] == Action.KEEP)
        noise = _noise(attempts, kept)
        return Story(
            tag=self.folder.name,
            attempts=attempts,
            kept=kept,
            measure=state.measure,
            noise=noise.deviation if noise else None,
            noise_degrees=noise.degrees if noise else 0,
            task=state.created["task"],
            version=state.created["version"],
            policy_digest=self.policy_digest,
            policy=_policy_text(self.folder / "policy.yaml"),
            created=_time(state.created),
            sittings=tuple(_sitting(*ends) for ends in self.sittings),
            happenings=tuple(_happening(event) for event in self.others),
            chain=Chain(self.reading.events, self.reading.head, self.problem or self._foreign(held=held)),
            in_progress=held,
        )

    def _foreign(self, *, held: bool) -> str:
        """The first ref that disagrees with the log; while a process is at work, refs may be behind it."""
        if held:
            return ""
        try:
            foreign = disagreements(self.state, BareRepo(self.folder / "repo.git").refs())[1]
        except LedgerError as error:
            return error.message
        return foreign[0] if foreign and not is_held(self.folder / "lock") else ""


def _shortened(event: Event) -> Event:
    """What a story needs of an event, which is its summary and the digests of prompt and reply."""
    return summary_of(event) | {name: event[name] for name in _DIGESTS if name in event}


def _attempt(state: State, number: int) -> AttemptStory:
    opened, closed = state.opened[number], state.closed.get(number, {})
    return AttemptStory(
        number=number,
        title=opened["title"],
        line=opened["seq"],
        status=closed.get("status", "open"),
        hypothesis=opened["hypothesis"],
        proposer=opened["proposer"],
        kind=opened.get("kind", ""),
        problem=opened["problem"],
        usage=Usage(**opened["usage"]),
        prompt_sha256=str(opened.get("prompt_sha256") or ""),
        reply_sha256=str(opened.get("reply_sha256") or ""),
        base=state.base_number_of(number),
        base_commit=state.base_of(number),
        commit=opened["commit"],
        opened_at=_time(opened),
        closed_at=_time(closed) if closed else None,
        objections=tuple(Objection(**objection) for objection in closed.get("objections", ())),
        runs=tuple(_run(event) for event in state.runs_of(number)),
        action=Action(closed["action"]) if closed else None,
        reason=closed.get("reason", ""),
        facts=closed.get("facts", {}),
    )


def _run(event: Event) -> RunStory:
    run, score = event["run"] or {}, event["score"] or {}
    holdout = score.get("holdout") or {}
    return RunStory(
        status=event["status"],
        line=event["seq"],
        time=_time(event),
        serving=event["serving"],
        seed=event["seed"],
        outcome=run.get("outcome", ""),
        reason=event["failure"],
        train_seconds=run.get("train_seconds", 0.0),
        score_seconds=score.get("seconds", 0.0),
        memory_gb=memory_gb(run),
        value=score.get("value"),
        stderr=score.get("stderr", 0.0),
        verified=score.get("verified", True),
        holdout=holdout.get("value"),
        holdout_stderr=holdout.get("stderr", 0.0),
    )


def _sitting(began: Event, last: Event) -> Sitting:
    return Sitting(
        began=_time(began),
        until=max(_time(last), _time(began)),
        proposer=str(began.get("proposer", "")),
        reason=str(last["reason"]) if last["event"] == "night_ended" else "",
        facts=_fields(began),
    )


def _happening(event: Event) -> Happening:
    return Happening(event["seq"], _time(event), event["event"], _fields(event))


def _fields(event: Event) -> Mapping[str, Any]:
    return {key: value for key, value in event.items() if key not in _FRAME}


def _time(event: Event) -> datetime:
    return datetime.fromisoformat(event["time"])


def _noise(attempts: tuple[AttemptStory, ...], kept: tuple[int, ...]) -> Noise | None:
    """The scatter of every best that was measured more than once, as the decisions have it."""
    return pooled([attempts[number - 1].values for number in kept])


def _policy_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST_POLICY).decode(errors="replace")
    except OSError:
        return ""
