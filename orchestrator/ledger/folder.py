"""A run folder: made from nothing, taken up again, or refused because it is somebody else's."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.errors import LedgerError, SetupError
from orchestrator.ledger.audit import AuditLog, Clock
from orchestrator.ledger.disk import refuse_link, sync_folder, write_whole
from orchestrator.ledger.facts import plain
from orchestrator.ledger.repo import BareRepo
from orchestrator.ledger.state import FORMAT, TEMPLATE, State, disagreements
from orchestrator.policy import Policy
from orchestrator.policy.succession import Succession, succeed
from orchestrator.records import Files, Measure

_UNFINISHED = "repo.git.unfinished"
POLICY = "policy.yaml"
_BEFORE_THE_FIRST_EVENT = frozenset({"lock", _UNFINISHED, POLICY, f".{POLICY}.tmp"})
Step = Callable[[str], None]
"""Is told the name of each durable step, so that a test can end the process there."""
CRASH_POINTS = (
    "create:begin", "create:objects", "create:event", "create:repository",
    "open:begin", "open:objects", "open:event", "open:ref",
    "measure:begin", "measure:objects", "measure:event", "measure:refs",
    "close:begin", "close:event", "close:refs", "close:exports",
    "resume:begin", "resume:event", "record:begin", "record:event", "bound:event",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Origin:
    """What a run starts from: the task, its template's files and what is measured, the policy, our version.

    `loosen` says that the run may go on under a looser policy than it had.
    """

    task: str
    files: Files
    policy_digest: str
    version: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    measure: Measure = field(default_factory=Measure)
    policy: Policy | None = None
    loosen: bool = False


def check_folder(folder: Path) -> None:
    """Make the folder if it is missing.

    Raises SetupError when it is not a run's, LedgerError when a part of it is a link, and touches nothing.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = {path.name for path in folder.iterdir()}
    except OSError as error:
        message = f"the run folder {folder} cannot be used: {error.strerror}"
        raise SetupError(message, remedy="choose another --tag, or check its permissions") from None
    for name in ("audit.jsonl", "repo.git", _UNFINISHED):
        refuse_link(folder / name)
    ours = "lock" in names or POLICY not in names
    if "audit.jsonl" in names or (ours and names <= _BEFORE_THE_FIRST_EVENT):
        return
    message = f"{folder} is not empty and holds no audit.jsonl: it is not a run of ours"
    raise SetupError(message, remedy="choose another --tag, or move the folder away")


def create_run(folder: Path, audit: AuditLog, origin: Origin, clock: Clock, at: Step) -> None:
    """Write the template into a repository and then `run_created` into the log.

    The repository gets its name only afterwards, so that a kill at any moment leaves either nothing
    that counts or a run that `adopt_repository` completes.
    """
    at("create:begin")
    unfinished = folder / _UNFINISHED
    shutil.rmtree(unfinished, ignore_errors=True)
    repo = BareRepo(unfinished)
    repo.initialise()
    blobs = {path: repo.write_blob(text.encode()) for path, text in origin.files.items()}
    commit = repo.write_commit(repo.write_tree(blobs), None, f"Template of {origin.task}\n", clock())
    repo.move({TEMPLATE: (None, commit)})
    at("create:objects")
    write_policy(folder, origin)
    audit.append(
        "run_created",
        format=FORMAT,
        task=origin.task,
        policy_digest=origin.policy_digest,
        policy=origin.policy.values() if origin.policy else None,
        version=origin.version,
        template={path: hashlib.sha256(text.encode()).hexdigest() for path, text in origin.files.items()},
        seed_base=f"{secrets.randbits(64):016x}",
        facts=plain(origin.facts),
        measure=asdict(origin.measure),
        refs={TEMPLATE: [None, commit]},
    )
    at("create:event")


def write_policy(folder: Path, origin: Origin) -> None:
    """The policy in force, to be looked at. Raises LedgerError."""
    if origin.policy:
        write_whole(folder / POLICY, origin.policy.to_yaml().encode())


def adopt_repository(folder: Path) -> None:
    """Give the repository its name, where creation was cut short just before. Raises LedgerError."""
    try:
        if not (folder / "repo.git").exists():
            (folder / _UNFINISHED).rename(folder / "repo.git")
            sync_folder(folder)
    except OSError as error:
        message = f"repo.git is missing: {error.strerror}"
        raise LedgerError(message, remedy="put it back from a copy, or start a new tag") from None


def check_origin(folder: Path, state: State, origin: Origin) -> Succession | None:
    """The change of policy with which a run is taken up, None without one.

    Raises SetupError when nothing would compare, or when a looser policy was not asked for.
    """
    then, now = (_in_words(measure) for measure in (state.measure, origin.measure))
    if then != now:
        message = f"run {folder.name} was made with another metric ({then}, now {now})"
        raise SetupError(message, remedy="give the same metric and metric.source, or choose another --tag")
    if (task := state.created["task"]) != origin.task:
        message = f"run {folder.name} was made with another task ({task:.12}, now {origin.task:.12})"
        raise SetupError(message, remedy="give the same one, or choose another --tag")
    if state.policy_digest == origin.policy_digest:
        return None
    return succeed(folder.name, state.policy, origin.policy, loosen=origin.loosen)


def _in_words(measure: Measure) -> str:
    return f"{measure.direction} {measure.name} in {measure.unit} from {measure.source}"


def reconcile(state: State, repo: BareRepo) -> list[str]:
    """Make the ref moves that a crash prevented; returns their names.

    Raises LedgerError, and touches nothing, when a ref moved by foreign hands.
    """
    with contextlib.suppress(OSError):
        repo.drop_stale_locks()
    missed, foreign = disagreements(state, repo.refs())
    if foreign:
        remedy = "somebody else wrote to repo.git: put it back, or keep a copy and start a new tag"
        raise LedgerError(foreign[0], remedy=remedy)
    repo.move(missed)
    return sorted(missed)
