"""A replay in words, and what a record cannot tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.policy.comparing import Change, compare
from orchestrator.policy.sections import Policy
from orchestrator.policy_work.replaying import TOLD, UNTOUCHED, Finding, Replay
from orchestrator.text import sanitise_line

_LONGEST = 300


def tell(found: Replay, policy: Policy, run: str) -> Iterator[str]:
    """Lines for a person, the keeps that would have been lost at the end."""
    night = found.night
    yield f"run {run}: {len(night.attempts)} attempts, {found.kept} kept, against policy {policy.digest[:12]}"
    yield from _section("refused by the gate, which had let them through", found.refused, found)
    yield from _section("over a limit", found.over, found)
    if found.admitted:
        yield f"let through by the gate, which had refused them: {_numbers(found.admitted)}"
    yield from _unknown(found, policy)
    lost = f"would have been lost: {_numbers(found.lost)}" if found.lost else "none would have been lost"
    yield f"of {found.kept} kept attempts {lost}, as far as the record tells"


def _section(title: str, findings: Sequence[Finding], found: Replay) -> Iterator[str]:
    actions = {recorded.attempt.number: recorded.closed["action"] for recorded in found.night.attempts}
    yield f"{title}: {len({finding.number for finding in findings})}"
    for finding in findings:
        words = sanitise_line(f"{finding.key}: {finding.words}", _LONGEST)
        yield f"  {finding.number:04d} {actions[finding.number]:<8} {words}"


def _numbers(numbers: Sequence[int]) -> str:
    return ", ".join(f"{number:04d}" for number in numbers)


def _unknown(found: Replay, policy: Policy) -> Iterator[str]:
    """What changed and cannot be held against a record, and why."""
    if found.night.policy is None:
        yield "the log holds no policy of that night that can be read: what else differs is not known"
        return
    changes = compare(found.night.policy, policy)
    fixed = [change for change in changes if change.fixed]
    silent = [change for change in changes if not change.fixed and _is_silent(change)]
    if fixed:
        yield f"every value would have been another, and no record tells which: {_keys(fixed)}"
    if silent:
        yield f"the record does not tell what was used of, or decided by: {_keys(silent)}"


def _is_silent(change: Change) -> bool:
    return change.key not in TOLD and change.key.partition(".")[0] not in {"edit", *UNTOUCHED}


def _keys(changes: Sequence[Change]) -> str:
    return ", ".join(f"{change.key} ({change.in_words})" for change in changes)
