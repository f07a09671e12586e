"""Two policies held against each other: what changed, and which way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from orchestrator.policy.keys import Mark
from orchestrator.policy.layers import keys_of_a_policy
from orchestrator.policy.sections import Policy


@dataclass(frozen=True, slots=True)
class Change:
    """One key that differs. `fixed` where numbers from before and after would not compare."""

    key: str
    before: Any
    after: Any
    mark: Mark
    fixed: bool

    def __str__(self) -> str:
        return f"{self.key}: {self.in_words}"

    @property
    def in_words(self) -> str:
        """The old value and the new one; of a list, what came and what went."""
        if not (isinstance(self.before, list) and isinstance(self.after, list)):
            return f"{shown(self.before)} -> {shown(self.after)}"
        came = [f"+{name}" for name in self.after if name not in self.before]
        went = [f"-{name}" for name in self.before if name not in self.after]
        return " ".join([*came, *went]) or "another order"


def shown(value: Any) -> str:
    """A key's value for a person, near to how YAML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, dict):
        return "; ".join(f"{name}: {each}" for name, each in value.items()) or "none"
    return str(value)


def compare(before: Policy, after: Policy) -> tuple[Change, ...]:
    """Every key whose effective value differs, in the order of the sections."""
    pairs = ((key, key.value_in(before), key.value_in(after)) for key in keys_of_a_policy())
    return tuple(
        Change(".".join((key.section, key.name)), old, new, key.key.mark(old, new), key.key.fixed)
        for key, old, new in pairs
        if old != new
    )


def only(mark: Mark, changes: Iterable[Change]) -> tuple[Change, ...]:
    """The changes of one mark."""
    return tuple(change for change in changes if change.mark is mark)


def listed(changes: Iterable[Change]) -> str:
    """The changes as one line."""
    return "; ".join(map(str, changes))
