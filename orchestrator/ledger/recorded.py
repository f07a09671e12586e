"""Every attempt of a run as the record has it, to be looked at again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import LedgerError
from orchestrator.ledger.audit import KEEP_A_COPY, Event, read_events
from orchestrator.ledger.disk import refuse_link
from orchestrator.ledger.facts import attempt_from
from orchestrator.ledger.repo import BareRepo
from orchestrator.ledger.state import TEMPLATE, State
from orchestrator.policy import Policy
from orchestrator.policy.succession import read_values
from orchestrator.records import Action, Attempt, Measure


@dataclass(frozen=True, slots=True)
class Recorded:
    """One closed attempt: its files, the attempt it rests on, the events of its runs and of its close."""

    attempt: Attempt
    base: int
    runs: tuple[Event, ...]
    closed: Event
    value: float | None

    @property
    def kept(self) -> bool:
        return bool(self.closed["action"] == Action.KEEP)


@dataclass(frozen=True, slots=True)
class Night:
    """A run's record. `policy` is the one in force last, None where the log holds none that can be read."""

    task: str
    attempts: tuple[Recorded, ...]
    measure: Measure
    policy: Policy | None
    on_a_card: bool


def read_night(folder: Path) -> Night:
    """Safe while another process writes the run. Raises LedgerError when log or repository are damaged."""
    state, card = State(), False
    for event in read_events(folder / "audit.jsonl"):
        state.apply(event)
        card = card or bool(event["event"] == "night_began" and event.get("gpu"))
    repo = BareRepo(folder / "repo.git")
    refuse_link(repo.folder)
    if not repo.folder.is_dir():
        raise LedgerError("repo.git is missing", remedy="put it back from a copy")
    try:
        attempts = tuple(_attempts(state, repo))
    except KeyError as error:
        message = f"the log names a file or a commit that is not in repo.git: {error}"
        raise LedgerError(message, remedy=KEEP_A_COPY) from error
    policy = read_values(state.policy) if state.policy else None
    return Night(state.created["task"], attempts, state.measure, policy, card)


def _attempts(state: State, repo: BareRepo) -> Iterator[Recorded]:
    files = repo.read_commits([state.refs[TEMPLATE], *(event["commit"] for event in state.opened.values())])
    for number, closed in sorted(state.closed.items()):
        opened, values = state.opened[number], state.values_of(number)
        yield Recorded(
            attempt_from(opened, files[opened["commit"]], files[state.base_of(number)]),
            state.base_number_of(number),
            tuple(state.runs_of(number)),
            closed,
            sum(values) / len(values) if values else None,
        )
