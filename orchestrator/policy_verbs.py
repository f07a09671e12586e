"""`autoresearch policy ...`: check, explain, diff, replay and schema."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator

from orchestrator.assembly import DEFAULT_POLICY
from orchestrator.errors import SetupError
from orchestrator.gate import PolicyGate
from orchestrator.ledger.recorded import read_night
from orchestrator.lint.scopes import names_at_the_top
from orchestrator.policy.comparing import compare
from orchestrator.policy.keys import Mark
from orchestrator.policy.layers import PolicyFile, load_policy, read_policy
from orchestrator.policy.schema import schema_text
from orchestrator.policy_work import explaining, replaying
from orchestrator.policy_work.telling import tell
from orchestrator.records import Attempt, Proposal
from orchestrator.scoring.choice import check_measure
from orchestrator.settings import load_settings
from orchestrator.task import Task, load_task
from orchestrator.verbs import run_folder
from orchestrator.views.console import Console

_STYLES = {Mark.TIGHTER: "green", Mark.LOOSER: "red", Mark.OTHER: ""}


def check(arguments: Namespace) -> int:
    """Every problem of every file, with file, line, key and reason. Exit code 2 when there is one.

    A policy by which the task's own files would be refused is none to start a night with: each objection.
    """
    console, task = Console(), load_task(arguments.task)
    problems = 0
    for file in map(read_policy, arguments.files):
        found = [str(problem) for problem in file.problems] or list(_refusals(file, task))
        for problem in found:
            console.say(problem, "red")
        if file.policy and not found:
            console.say(f"{file.files[0]}: sound, digest {file.policy.digest[:12]}{_remark(file)}")
        problems += len(found)
    return 2 if problems else 0


def _remark(file: PolicyFile) -> str:
    edit = file.sound().edit
    alone = len(file.files) == 1 and not (edit.forbidden_imports or edit.forbidden_calls)
    return "; it extends nothing, and forbids no import and no call" if alone else ""


def _refusals(file: PolicyFile, task: Task) -> Iterator[str]:
    """Why no night over the task can begin under the policy, or none of its proposals pass."""
    policy, files, named = file.sound(), task.read_files(), file.files[0]
    try:
        check_measure(task, policy.metric)
    except SetupError as error:
        yield f"{named}: metric: {error.message}"
    gate = PolicyGate(policy.edit, task.entry_file, task.entry_points)
    baseline = Attempt(1, Proposal("baseline", files), files, seed=0)
    for objection in gate.review(baseline).objections:
        yield f"{named}: edit: the task {task.name} itself would be refused: {objection}"
    for path, names in policy.edit.scopes.items():
        if missing := set(names) - names_at_the_top(path, files.get(path, "")):
            words = ", ".join(sorted(missing))
            yield f"{named}: edit.scopes: {path} of the task has no {words} at its top level"


def explain(arguments: Namespace) -> int:
    """Every key with its value, origin and flags, or those alone that differ from the default.

    Raises SetupError for a policy that is not sound.
    """
    file = read_policy(arguments.file)
    lines = explaining.explain_changed(file) if arguments.changed else explaining.explain(file)
    return _say(lines)


def diff(arguments: Namespace) -> int:
    """Each change from A to B. Exit code 1 when B is looser somewhere, else 0."""
    console, changes = Console(), compare(load_policy(arguments.before), load_policy(arguments.after))
    for change in changes:
        kept = "  (fixed within a run)" if change.fixed else ""
        console.say(f"{change.mark.value:<8} {change}{kept}", _STYLES[change.mark])
    if not changes:
        console.say("the two policies have the same effective values")
    return 1 if any(change.mark is Mark.LOOSER for change in changes) else 0


def replay(arguments: Namespace) -> int:
    """A night's attempts under another policy. Exit code 1 when a kept one would have been lost."""
    policy, task = load_policy(arguments.file), load_task(arguments.task)
    folder = run_folder(load_settings().runs, arguments.run)
    gate = PolicyGate(policy.edit, task.entry_file, task.entry_points)
    night = read_night(folder)
    if night.task != task.name:
        message = f"{folder.name} is a run of {night.task}, not of {task.name}"
        raise SetupError(message, remedy="name its task: --task FOLDER")
    found = replaying.replay(night, policy, gate)
    _say(tell(found, policy, folder.name))
    return 1 if found.lost else 0


def schema(_: Namespace) -> int:
    """The JSON Schema that `policies/schema.json` holds."""
    Console().write(schema_text(DEFAULT_POLICY))
    return 0


def _say(lines: Iterator[str]) -> int:
    console = Console()
    for line in lines:
        console.say(line)
    return 0
