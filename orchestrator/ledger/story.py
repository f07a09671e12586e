"""Reads the story of a run: from its folder, safe while another process writes it, or from a results.tsv."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestrator.deciding.noise import Noise, pooled
from orchestrator.errors import LedgerError
from orchestrator.ledger.audit import GENESIS, Event, Reading, read_lines
from orchestrator.ledger.export import ResultRow, read_results_tsv
from orchestrator.ledger.facts import memory_gb
from orchestrator.ledger.reading import is_held
from orchestrator.ledger.repo import BareRepo
from orchestrator.ledger.state import State, disagreements, log_ref
from orchestrator.records import Action, Direction, Measure, Objection, Usage
from orchestrator.story import AttemptStory, Chain, Happening, RunStory, Sitting, Story

_TOLD_IN_ATTEMPTS = frozenset(
    {"run_created", "attempt_opened", "attempt_resumed", "attempt_measured", "attempt_closed"}
)
_FRAME = frozenset({"seq", "time", "event", "prev", "hash", "refs"})
_LONGEST_POLICY = 1 << 18


@dataclass(slots=True)
class _Reading:
    """What was read of a log until its end or its first break; a sitting is its first and last event.

    `policy_digest` is the latest that any event names: the policy in force.
    """

    state: State
    last: Event
    others: list[Event] = field(default_factory=list)
    sittings: list[tuple[Event, Event]] = field(default_factory=list)
    policy_digest: str = ""
    problem: str = ""

    def take(self, event: Event) -> None:
        """Add the next event. Raises LedgerError when it contradicts the ones before."""
        self.state.apply(event)
        self.last, name = event, event["event"]
        self.policy_digest = str(event.get("policy_digest") or self.policy_digest)
        if name not in _TOLD_IN_ATTEMPTS:
            self.others.append(event)
        if name == "night_began":
            self.sittings.append((event, event))
        elif self.sittings and self.sittings[-1][1]["event"] != "night_ended" and name != "run_resumed":
            self.sittings[-1] = (self.sittings[-1][0], event)


def read_story(folder: Path) -> Story:
    """The whole story of a run folder. A broken log is told up to its break, which `chain` then names.

    Raises LedgerError when not even the beginning of the log can be read.
    """
    reading = _read(folder / "audit.jsonl")
    state = reading.state
    attempts = tuple(_attempt(state, number) for number in state.opened)
    kept = tuple(number for number, event in state.closed.items() if event["action"] == Action.KEEP)
    noise = _noise(attempts, kept)
    return Story(
        tag=folder.name,
        attempts=attempts,
        kept=kept,
        measure=state.measure,
        noise=noise.deviation if noise else None,
        noise_degrees=noise.degrees if noise else 0,
        task=state.created["task"],
        version=state.created["version"],
        policy_digest=reading.policy_digest,
        policy=_policy_text(folder / "policy.yaml"),
        created=_time(state.created),
        sittings=tuple(_sitting(*ends) for ends in reading.sittings),
        happenings=tuple(_happening(event) for event in reading.others),
        chain=_chain(folder, reading),
        in_progress=is_held(folder / "lock"),
    )


class Archive:
    """The bulky texts of a run, read from its repository when asked for, as the candidate wrote them."""

    def __init__(self, folder: Path) -> None:
        self._repo = BareRepo(folder / "repo.git")

    def diff(self, attempt: AttemptStory) -> str:
        """What the attempt changed against its base. Raises LedgerError."""
        (found,) = self._repo.diffs([(attempt.base_commit, attempt.commit)])
        return found.decode(errors="replace")

    def log(self, number: int, run: int = 1) -> str:
        """What one run of an attempt printed, runs counted from 1; empty when nothing. Raises LedgerError."""
        blob = self._repo.refs().get(log_ref(number, run))
        return self._repo.read([blob])[blob].data.decode(errors="replace") if blob else ""


def story_of_results(path: Path) -> Story:
    """The story of a results.tsv, ours or upstream's: its rows as attempts, and which way is better as its
    kept rows went. Raises SetupError."""
    rows = read_results_tsv(path)
    attempts = tuple(_attempt_of_row(number, row) for number, row in enumerate(rows, start=1))
    kept = tuple(attempt.number for attempt in attempts if attempt.kept)
    return Story(path.stem, attempts, kept, measure=_measure_of(path, attempts, kept))


def _read(path: Path) -> _Reading:
    reading = _Reading(State(), {"seq": 0, "hash": GENESIS})
    try:
        for line in read_lines(path, Reading(), curves=False):
            reading.take(line.event)
    except LedgerError as error:
        reading.problem = error.message
        if not reading.state.created:
            raise
    if not reading.state.created:
        raise LedgerError(f"{path.name} is empty: the run has not begun", remedy="start it once more")
    return reading


def _chain(folder: Path, reading: _Reading) -> Chain:
    problem = reading.problem
    if not problem:
        try:
            foreign = disagreements(reading.state, BareRepo(folder / "repo.git").refs())[1]
            problem = foreign[0] if foreign and not is_held(folder / "lock") else ""
        except LedgerError as error:
            problem = error.message
    return Chain(reading.last["seq"], reading.last["hash"], problem)


def _attempt(state: State, number: int) -> AttemptStory:
    opened, closed = state.opened[number], state.closed.get(number, {})
    return AttemptStory(
        number=number,
        title=opened["title"],
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


def _attempt_of_row(number: int, row: ResultRow) -> AttemptStory:
    status = "crashed" if row.val_bpb is None else "scored"
    action = Action.KEEP if row.status == "keep" else Action.DISCARD
    run = RunStory(status, memory_gb=row.memory_gb, value=row.val_bpb)
    return AttemptStory(number, row.description, status, commit=row.commit, runs=(run,), action=action)


def _measure_of(path: Path, attempts: tuple[AttemptStory, ...], kept: tuple[int, ...]) -> Measure:
    """The table's own name for its number; higher is better where the last keep is above the first."""
    name = path.read_text(encoding="utf-8").partition("\n")[0].split("\t")[1]
    values = [value for number in kept if (value := attempts[number - 1].value) is not None]
    rose = bool(values) and values[-1] > values[0]
    unit = Measure().unit if name == Measure().name else ""
    return Measure(name, unit, Direction.MAXIMIZE if rose else Direction.MINIMIZE)
