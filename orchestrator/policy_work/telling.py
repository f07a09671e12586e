"""A replay in words, and what a record cannot tell."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from orchestrator.policy.comparing import Change, compare
from orchestrator.policy.sections import Policy
from orchestrator.policy_work.replaying import TOLD, UNTOUCHED, Finding, Replay
from orchestrator.text import sanitise_line

WIDTH = 110
_LONGEST = 300
_HELD = "\N{NO-BREAK SPACE}"  # where no line ends


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
    """What is said of several attempts stands once, before their numbers; the kept ones are marked."""
    kept = {recorded.attempt.number for recorded in found.night.attempts if recorded.kept}
    yield f"{title}: {len({finding.number for finding in findings})}"
    alike: dict[str, list[Finding]] = {}
    for finding in findings:
        alike.setdefault(sanitise_line(f"{finding.key}: {finding.words}", _LONGEST), []).append(finding)
    for words, those in alike.items():
        yield from textwrap.wrap(words, WIDTH, initial_indent="  ", subsequent_indent="  ")
        named = ", ".join(_named(finding, kept=finding.number in kept) for finding in those)
        lines = textwrap.wrap(named, WIDTH, initial_indent="    ", subsequent_indent="    ")
        yield from (line.replace(_HELD, " ") for line in lines)


def _named(finding: Finding, *, kept: bool) -> str:
    amount = "" if finding.found is None else f"{_HELD}{finding.found:.4g}"
    return f"{finding.number:04d}{amount}" + (f"{_HELD}kept" if kept else "")


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
