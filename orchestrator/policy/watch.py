"""A policy file that is edited while a night goes on: tighter takes effect, anything else is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchestrator.policy.comparing import Change, compare, listed
from orchestrator.policy.keys import Mark
from orchestrator.policy.layers import read_policy
from orchestrator.policy.sections import Policy
from orchestrator.policy.succession import Succession

Record = Callable[..., None]
"""Adds an event with fields to the run's log, such as `Ledger.record`."""
_AT_THE_NEXT_START = "takes effect at the next start"


class PolicyWatch:
    """Asked between attempts whether the file, or one that it extends, says something tighter now.

    `in_force` is the policy that the night goes by. A refusal is recorded and said once, until the file
    changes again; what is refused changes nothing. `keep` is given what takes effect, for the run's folder.
    """

    def __init__(
        self,
        path: Path,
        in_force: Policy,
        record: Record,
        say: Callable[[str], Any],
        keep: Callable[[Policy], Any],
    ) -> None:
        self.in_force = in_force
        self._path, self._record, self._say, self._keep = path, record, say, keep
        self._answered = in_force.digest

    def latest(self) -> Policy | None:
        """The policy to go by from now on, recorded as `policy_tightened`; None when nothing is new.

        A looser or broken one is recorded as `policy_refused` with the reasons.
        """
        file = read_policy(self._path)
        found = file.policy.digest if file.policy else "\n".join(map(str, file.problems))
        if found == self._answered:
            return None
        self._answered = found
        changes = compare(self.in_force, file.policy) if file.policy else ()
        reasons = [*map(str, file.problems), *filter(None, map(_reason, changes))]
        if reasons:
            self._refuse(reasons)
        elif file.policy and changes:
            return self._take(Succession(file.policy, changes))
        return None

    def _take(self, succession: Succession) -> Policy:
        self._record(succession.event, **succession.fields)
        self.in_force = succession.policy
        self._keep(self.in_force)
        self._say(f"the policy is tighter from the next attempt on: {listed(succession.changes)}")
        return self.in_force

    def _refuse(self, reasons: list[str]) -> None:
        self._record("policy_refused", reasons=reasons, policy_digest=self.in_force.digest)
        self._say(f"the edited policy is refused, and the old one stays: {'; '.join(reasons)}")


def _reason(change: Change) -> str:
    """Why a change cannot be made in a running night; empty when it can."""
    if change.fixed:
        return f"{change}: numbers from before and after would not compare"
    if change.mark is Mark.LOOSER:
        return f"{change}: is looser; stop the run and go on with --allow-loosen"
    return "" if change.mark is Mark.TIGHTER else f"{change}: is not tighter; it {_AT_THE_NEXT_START}"
