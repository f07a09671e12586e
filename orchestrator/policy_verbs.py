"""`autoresearch policy ...`: check, explain, diff, replay and schema."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator

from orchestrator.assembly import DEFAULT_POLICY
from orchestrator.gate import PolicyGate
from orchestrator.ledger.recorded import read_night
from orchestrator.policy.comparing import compare
from orchestrator.policy.keys import Mark
from orchestrator.policy.layers import load_policy, read_policy
from orchestrator.policy.schema import schema_text
from orchestrator.policy_work import explaining, replaying
from orchestrator.policy_work.telling import tell
from orchestrator.settings import load_settings
from orchestrator.task import load_task
from orchestrator.verbs import run_folder
from orchestrator.views.console import Console

_STYLES = {Mark.TIGHTER: "green", Mark.LOOSER: "red", Mark.OTHER: ""}


def check(arguments: Namespace) -> int:
    """Every problem of every file, with file, line, key and reason. Exit code 2 when there is one."""
    console, files = Console(), [read_policy(path) for path in arguments.files]
    for file in files:
        for problem in file.problems:
            console.say(str(problem), "red")
        if file.policy:
            console.say(f"{file.files[0]}: sound, digest {file.policy.digest[:12]}")
    return 2 if any(file.problems for file in files) else 0


def explain(arguments: Namespace) -> int:
    """Every key with its value, origin and flags. Raises SetupError for a policy that is not sound."""
    return _say(explaining.explain(read_policy(arguments.file)))


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
    found = replaying.replay(read_night(folder), policy, gate)
    _say(tell(found, policy, folder.name))
    return 1 if found.lost else 0


def schema(_: Namespace) -> int:
    """The JSON Schema that `policies/schema.json` holds."""
    sys.stdout.write(schema_text(DEFAULT_POLICY))
    return 0


def _say(lines: Iterator[str]) -> int:
    console = Console()
    for line in lines:
        console.say(line)
    return 0
