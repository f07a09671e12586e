"""What the events of a run add up to: attempts, the best, and where each ref must point."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.errors import LedgerError
from orchestrator.ledger.audit import KEEP_A_COPY, Event
from orchestrator.ledger.outages import Outages
from orchestrator.ledger.repo import Moves
from orchestrator.ledger.shapes import misshapen
from orchestrator.records import Action, Direction, Measure, Spent, Usage

FORMAT = 2
BEST = "refs/heads/best"
TEMPLATE = "refs/heads/template"
BOUND_REACHED = "records_bound_reached"
BOUND_RAISED = "records_bound_raised"


def attempt_ref(number: int) -> str:
    """Where an attempt's commit is kept."""
    return f"refs/attempts/{number:04d}"


def log_ref(number: int, run: int = 1) -> str:
    """Where the raw log of one run of an attempt is kept, as a blob; runs are counted from 1."""
    return f"refs/logs/{number:04d}" + (f"-{run}" if run > 1 else "")


def prompt_ref(number: int) -> str:
    """Where what a model was sent and replied for an attempt is kept, as a blob, if it is."""
    return f"refs/prompts/{number:04d}"


def is_ours(ref: str) -> bool:
    """Whether a ref is the ledger's; other refs of the repository are the user's own business."""
    return ref in {BEST, TEMPLATE} or ref.startswith(("refs/attempts/", "refs/logs/", "refs/prompts/"))


@dataclass(slots=True)
class State:
    """Folded from the log's events, or from their summaries (`index.summary_of`), which are enough for it.

    `promised` holds the ref moves of the last event that moves any; `exported` the attempt whose folder was
    to be written after the last event that changed one. `stored_bytes` counts the texts in the repository,
    `bounded` says that less is kept from now on (see `retention.py`), and `folderless` are the discarded
    attempts that got no folder by that.
    """

    created: Event = field(default_factory=dict)
    opened: dict[int, Event] = field(default_factory=dict)
    measured: dict[int, list[Event]] = field(default_factory=dict)
    values: dict[int, list[float]] = field(default_factory=dict)
    closed: dict[int, Event] = field(default_factory=dict)
    resumed: set[int] = field(default_factory=set)
    refs: dict[str, str] = field(default_factory=dict)
    promised: Moves = field(default_factory=dict)
    exported: int | None = None
    undecided: dict[int, None] = field(default_factory=dict)
    best_number: int | None = None
    numbers: dict[str, int] = field(default_factory=dict)
    measure: Measure = field(default_factory=Measure)
    spent: Spent = field(default_factory=Spent)
    outages: Outages = field(default_factory=Outages)
    lessons: Event | None = None
    policy_digest: str = ""
    policy: Mapping[str, Any] | None = None
    stored_bytes: int = 0
    bounded: bool = False
    folderless: set[int] = field(default_factory=set)

    @property
    def best(self) -> str | None:
        return self.refs.get(BEST)

    @property
    def still_open(self) -> list[int]:
        return list(self.undecided)

    @property
    def in_folders(self) -> list[int]:
        """The closed attempts that have a folder."""
        return [number for number in self.closed if number not in self.folderless]

    def runs_of(self, number: int) -> list[Event]:
        """Every measured run of an attempt, in order."""
        return self.measured.get(number, [])

    def values_of(self, number: int) -> list[float]:
        """What an attempt was measured at, runs without a value left out."""
        return list(self.values.get(number, ()))

    def kinds_of(self, number: int) -> set[bool]:
        """Whether its values were measured by the host, were self-reported, or both."""
        scores = (event["score"] or {} for event in self.runs_of(number))
        return {bool(score["verified"]) for score in scores if score.get("value") is not None}

    def base_of(self, number: int) -> str:
        """The commit that an attempt was based on: its parent, or the template."""
        return str(self.opened[number]["parent"] or self.refs[TEMPLATE])

    def base_number_of(self, number: int) -> int:
        """The attempt whose commit that is; 0 for the template."""
        parent = self.opened[number]["parent"]
        return self.numbers[parent] if parent else 0

    def apply(self, event: Event) -> None:
        """Add the next event. Raises LedgerError when it contradicts the ones before."""
        if not self.created and event["event"] != "run_created":
            raise _contradiction(event, "the run was never created")
        if wrong := misshapen(event):
            raise _contradiction(event, f"a field is missing or wrong: {wrong}")
        fold = _FOLDS.get(event["event"])
        try:
            self.outages.apply(event)
            if fold:
                fold(self, event)
                self._apply_moves(event)
        except (KeyError, TypeError, ValueError) as error:
            raise _contradiction(event, f"a field is missing or wrong: {error}") from error

    def _apply_moves(self, event: Event) -> None:
        moves = {ref: (old, new) for ref, (old, new) in event.get("refs", {}).items()}
        for ref, (old, new) in moves.items():
            if self.refs.get(ref) != old:
                raise _contradiction(event, f"{ref} did not point to {old}")
            self.refs[ref] = new
        if moves:
            self.promised = moves


def fold(events: Iterable[Event]) -> State:
    """The state after all events. Raises LedgerError with the line that makes no sense."""
    state = State()
    for event in events:
        state.apply(event)
    return state


def _create(state: State, event: Event) -> None:
    if state.created:
        raise _contradiction(event, "the run was created before")
    if event["format"] != FORMAT:
        raise _contradiction(event, f"the format {event['format']!r} is not known to this version")
    if TEMPLATE not in event["refs"]:
        raise ValueError(f"{TEMPLATE} is not there")
    state.created = event
    _take_policy(state, event)
    said = event["measure"]
    state.measure = Measure(**{**said, "direction": Direction(said["direction"])})


def _open(state: State, event: Event) -> None:
    number = event["number"]
    if number != len(state.opened) + 1:
        raise _contradiction(event, f"attempt {number} is out of order")
    if event["parent"] and event["parent"] not in state.numbers:
        raise ValueError("the parent is no attempt's commit")
    if event["refs"].get(attempt_ref(number), [None])[-1] != event["commit"]:
        raise ValueError("the commit is not the one that its ref gets")
    state.opened[number] = event
    state.undecided[number] = None
    state.numbers[event["commit"]] = number
    state.stored_bytes += event.get("stored_bytes", 0)
    state.spent = state.spent.plus(Usage(**event["usage"]))


def _resume(state: State, event: Event) -> None:
    state.resumed.add(_open_number(state, event))


def _measure(state: State, event: Event) -> None:
    number = event["number"]
    of_the_best = number == event["serving"] == state.best_number
    serving = number if of_the_best else _open_number(state, event, "serving")
    if number not in {serving, state.best_number}:
        raise ValueError("a run is that of an open attempt or of the best")
    state.measured.setdefault(number, []).append(event)
    state.stored_bytes += event.get("stored_bytes", 0)
    if (value := (event["score"] or {}).get("value")) is not None:
        state.values.setdefault(number, []).append(float(value))
    state.resumed.discard(serving)
    if number in state.closed:
        state.exported = number


def _close(state: State, event: Event) -> None:
    number = _open_number(state, event)
    kept = Action(event["action"]) is Action.KEEP
    if kept != (BEST in event["refs"]):
        raise ValueError("the best moves exactly on keep")
    if list(event["values"]) != state.values_of(number):
        raise ValueError("the values are not those that were measured")
    if kept and not state.values_of(number):
        raise ValueError("what has no value cannot be kept")
    if kept:
        state.best_number = number
    state.closed[number] = event
    if state.bounded and Action(event["action"]) is Action.DISCARD:
        state.folderless.add(number)
    else:
        state.exported = number
    del state.undecided[number]


def _end(state: State, _: Event) -> None:
    """An orderly end interrupts nothing."""
    state.resumed.clear()


def _bound(state: State, event: Event) -> None:
    state.bounded = event["event"] == BOUND_REACHED


def _take_policy(state: State, event: Event) -> None:
    state.policy_digest, state.policy = event["policy_digest"], event.get("policy")


def _take_lessons(state: State, event: Event) -> None:
    state.lessons = event


_FOLDS = {
    "run_created": _create,
    "attempt_opened": _open,
    "attempt_resumed": _resume,
    "attempt_measured": _measure,
    "attempt_closed": _close,
    "night_ended": _end,
    "lessons_written": _take_lessons,
    BOUND_REACHED: _bound,
    BOUND_RAISED: _bound,
    "policy_tightened": _take_policy,
    "policy_loosened": _take_policy,
    "policy_changed": _take_policy,
}


def _open_number(state: State, event: Event, name: str = "number") -> int:
    number: int = event[name]
    if number not in state.undecided:
        raise _contradiction(event, f"attempt {number} is not open")
    return number


def _contradiction(event: Event, problem: str) -> LedgerError:
    return LedgerError(f"audit.jsonl line {event['seq']}: {problem}", remedy=KEEP_A_COPY)


def disagreements(state: State, actual: dict[str, Any]) -> tuple[Moves, list[str]]:
    """Compare the refs with the log.

    Returns the moves that the last event promised and a crash prevented, and a line for every other
    difference, which only foreign hands can have made.
    """
    missed, foreign = {}, []
    for ref in sorted({*state.refs, *filter(is_ours, actual)}):
        wanted, found = state.refs.get(ref), actual.get(ref)
        if wanted is None:
            foreign.append(f"{ref} is unknown to the log")
        elif found != wanted:
            promise = state.promised.get(ref)
            if promise and promise == (found, wanted):
                missed[ref] = promise
            else:
                foreign.append(f"{ref} points to {found or 'nothing'}, the log says {wanted}")
    return missed, foreign
