"""A run that goes on under another policy: what goes by itself, what must be asked for, what cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from orchestrator.errors import SetupError
from orchestrator.policy.comparing import Change, compare, listed, only
from orchestrator.policy.keys import Mark
from orchestrator.policy.sections import Policy

_ANOTHER = "was made with another policy"


@dataclass(frozen=True, slots=True)
class Succession:
    """A policy that takes the place of another, and what changes by that; both are for the audit log."""

    policy: Policy
    changes: tuple[Change, ...]

    @property
    def event(self) -> str:
        """`policy_loosened` if any change is looser, else `policy_tightened` if any is tighter."""
        marks = {change.mark for change in self.changes}
        if Mark.LOOSER in marks:
            return "policy_loosened"
        return "policy_tightened" if Mark.TIGHTER in marks else "policy_changed"

    @property
    def fields(self) -> dict[str, Any]:
        """What the event says: the new policy whole, since the log is the one source of truth."""
        changes = [
            {"key": change.key, "before": change.before, "after": change.after, "mark": change.mark.value}
            for change in self.changes
        ]
        return {"policy_digest": self.policy.digest, "changes": changes, "policy": self.policy.values()}


def succeed(run: str, before: Mapping[str, Any] | None, after: Policy | None, *, loosen: bool) -> Succession:
    """The change from the policy that a run's log names, to be recorded.

    Raises SetupError when numbers would not compare, or when something is looser and `loosen` was not asked
    for. `before` is None for a log that does not hold its policy.
    """
    if before is None or after is None:
        raise SetupError(f"run {run} {_ANOTHER}", remedy="give the same one, or choose another --tag")
    then = read_values(before)
    if then is None:
        message = f"run {run} {_ANOTHER}, which this version cannot read"
        raise SetupError(message, remedy="choose another --tag")
    changes = compare(then, after)
    if kept := [change for change in changes if change.fixed]:
        message = f"run {run} {_ANOTHER}, and its numbers would not compare ({listed(kept)})"
        raise SetupError(message, remedy="give the same values, or choose another --tag")
    if (looser := only(Mark.LOOSER, changes)) and not loosen:
        message = f"run {run} {_ANOTHER}, and this one is looser ({listed(looser)})"
        raise SetupError(message, remedy="say --allow-loosen, which is recorded, or choose another --tag")
    return Succession(after, changes)


def read_values(values: Mapping[str, Any]) -> Policy | None:
    """A policy as a log holds it; None when it is of a version with other keys."""
    try:
        return Policy.model_validate(dict(values))
    except ValidationError:
        return None
