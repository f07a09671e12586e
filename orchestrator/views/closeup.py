"""One attempt from close by, and two side by side, as the dashboard's page gets them: safe texts alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.story import AttemptStory, Story
from orchestrator.text import sanitise_block, sanitise_line
from orchestrator.views.answer import costs, duration
from orchestrator.views.board import NAME, REASON, TITLE, clock, row_of
from orchestrator.views.events import Event, attempt_sections
from orchestrator.views.page import diff_lines, outcome_of

LOG_BYTES = 64 * 1024
MOST_SETTINGS = 200
Settings = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Papers:
    """What the record has of one attempt beside its story: whole events, the edit, and each run's log."""

    events: Sequence[Event] = ()
    diff: str = ""
    logs: Mapping[int, str] = field(default_factory=dict)
    settings: Settings = field(default_factory=dict)


def close_up(story: Story, attempt: AttemptStory, papers: Papers) -> dict[str, Any]:
    """One attempt: its row, its story by sections, its edit, and the ends of its logs."""
    sections = attempt_sections(story, attempt, papers.events)
    return {
        "row": row_of(attempt),
        "sections": [{"name": name, "lines": lines} for name, lines in sections],
        "diff": _diff(papers.diff),
        "logs": [
            {"run": run, "text": sanitise_block(log, LOG_BYTES, keep="tail")}
            for run, log in papers.logs.items()
        ],
    }


def side_by_side(
    story: Story, before: tuple[AttemptStory, Settings], after: tuple[AttemptStory, Settings], diff: str
) -> dict[str, Any]:
    """Two attempts: their facts, the settings in which they differ, and the diff from one to the other."""
    facts = [dict(_facts(story, attempt)) for attempt, _ in (before, after)]
    settings = _differing(before[1], after[1])
    shared = len(before[1].keys() | after[1].keys()) - len(settings)
    return {
        "numbers": [before[0].number, after[0].number],
        "facts": [[name, facts[0][name], facts[1][name]] for name in facts[0] if _said(name, facts)],
        "settings": settings[:MOST_SETTINGS],
        "alike": shared,
        "diff": _diff(diff),
    }


def _said(name: str, facts: Iterable[Mapping[str, str]]) -> bool:
    return any(each[name] for each in facts)


def _diff(diff: str) -> list[list[str]]:
    return [[line.kind, line.text] for line in diff_lines(diff)]


def _differing(before: Settings, after: Settings) -> list[list[str]]:
    names = [*before, *(name for name in after if name not in before)]
    pairs = [(name, before.get(name, ""), after.get(name, "")) for name in names]
    return [[sanitise_line(str(part), TITLE) for part in pair] for pair in pairs if pair[1] != pair[2]]


def _facts(story: Story, attempt: AttemptStory) -> Iterator[tuple[str, str]]:
    yield "title", sanitise_line(attempt.title, TITLE)
    yield "decision", sanitise_line(outcome_of(attempt), NAME)
    yield "because", sanitise_line(attempt.reason or attempt.problem, REASON)
    yield "value", _value(attempt, story.error_of(attempt))
    yield "holdout", "" if attempt.holdout is None else f"{attempt.holdout:.6f}"
    yield "runs", str(len(attempt.runs))
    yield "training", duration(attempt.train_seconds) if attempt.train_seconds else ""
    yield "memory", _memory(attempt)
    yield "kind", sanitise_line(attempt.kind, NAME)
    yield "by", sanitise_line(attempt.proposer, NAME)
    yield "cost", ", ".join(costs(attempt.usage))
    yield "built on", f"attempt {attempt.base:04d}" if attempt.base else "the task's own files"
    yield "opened (UTC)", clock(attempt.opened_at)


def _value(attempt: AttemptStory, error: float) -> str:
    if attempt.value is None:
        return ""
    return f"{attempt.value:.6f} ± {error:.6f}" + ("" if attempt.verified else " (self-reported)")


def _memory(attempt: AttemptStory) -> str:
    most = max((run.memory_gb for run in attempt.runs), default=0.0)
    return f"{most:.2f} GiB" if most else ""
