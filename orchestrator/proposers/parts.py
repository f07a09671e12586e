"""The parts of a prompt that tell where the night stands: each a text, empty where there is nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.breadth import attempts_since_keep, combinations, kinds_tried, least_tried
from orchestrator.proposers.frame import Frame
from orchestrator.proposers.mending import mend_words
from orchestrator.proposers.rules import noise_in_words
from orchestrator.proposers.table import quoted, result_of
from orchestrator.proposers.tokens import count_tokens
from orchestrator.proposers.traces import reason_of, trace_lines
from orchestrator.records import Direction, Entry, History, Measure
from orchestrator.text import sanitise_block, sanitise_line

HYPOTHESIS_CHARACTERS = 300
LESSONS_BYTES = 65_536
ASKED = "Propose the next edit. Do not repeat one that was tried, nor the same idea in other words."
MOST_UNDERWAY = 8
JOIN_TOKENS = 2


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything but the system message and the table."""

    source: str
    lessons: str
    standing: str
    breadth: str
    underway: str
    failure: str
    asked: str


def cost_of(text: str) -> int:
    """Tokens of a part and of the blank line before it."""
    return count_tokens(text) + JOIN_TOKENS if text else 0


def parts_of(history: History, lessons: str, measure: Measure, plateau: int, frame: Frame) -> Parts:
    """The parts of one request; `plateau` attempts without a keep call for boldness."""
    counts = kinds_tried(history)
    return Parts(
        source=_source(history, frame),
        lessons=_lessons(lessons, frame),
        standing=_standing(history, measure, plateau, counts),
        breadth=_breadth(history, measure.direction, counts),
        underway=_underway(history, frame),
        failure=_failure(history, frame),
        asked=mend_words(history.mend, frame, history.best_files) if history.mend else ASKED,
    )


def _source(history: History, frame: Frame) -> str:
    files = [frame.around(f"FILE {name}", text) for name, text in sorted(history.best_files.items())]
    return "\n\n".join(["This is the best source so far; edit it.", *files])


def _lessons(lessons: str, frame: Frame) -> str:
    text = sanitise_block(lessons, LESSONS_BYTES).strip()
    return f"What you wrote down as learned:\n\n{frame.around('LESSONS', text)}" if text else ""


def _standing(history: History, measure: Measure, plateau: int, counts: Mapping[str, int]) -> str:
    value = "not measured yet" if history.best_value is None else f"{history.best_value:.6f} {measure.unit}"
    where = f" (attempt {history.best_number})" if history.best_number else ""
    best = f"The best {measure.name} so far: {value}{where}. {noise_in_words(history.noise, measure.unit)}"
    since = attempts_since_keep(history)
    if since < plateau:
        return best
    least = least_tried(counts)
    return f"""{best}

{since} attempts in a row bettered nothing. More small steps of the same sort will not help: make a bolder
change, or one of a different kind. Tried least: {", ".join(f"{kind} ({counts[kind]})" for kind in least)}."""


def _breadth(history: History, direction: Direction, counts: Mapping[str, int]) -> str:
    """Numbers alone: nothing that anyone wrote."""
    lines = []
    if any(counts.values()):
        lines.append(f"Kinds tried: {', '.join(f'{kind} {count}' for kind, count in counts.items())}.")
    lines += [
        f"Attempts {pair.first} and {pair.second} each bettered attempt {pair.base}, by "
        f"{pair.first_gain:.2g} and {pair.second_gain:.2g}, and were never tried together: consider both."
        for pair in combinations(history, direction)
    ]
    return "\n".join(lines)


def _underway(history: History, frame: Frame) -> str:
    rows = [
        f"{attempt.number} | {quoted(attempt.title)} | {_hypothesis(attempt.hypothesis)}"
        for attempt in history.underway[-MOST_UNDERWAY:]
    ]
    if not rows:
        return ""
    table = frame.around("UNDERWAY", "\n".join(["number | title | hypothesis", *rows]))
    return f"Under way and not decided yet; do not propose these again:\n\n{table}"


def _hypothesis(text: str) -> str:
    return sanitise_line(text, HYPOTHESIS_CHARACTERS)


def _failure(history: History, frame: Frame) -> str:
    newest = reversed(history.entries)
    failed = next((entry for entry in newest if entry.value is None and not entry.moved_on), None)
    if failed is None:
        return ""
    return f"Experiment {failed.number} gave no value:\n\n{frame.around('FAILURE', _failure_text(failed))}"


def _failure_text(entry: Entry) -> str:
    lines = [
        f"title: {quoted(entry.title)}",
        f"result: {result_of(entry)}",
        f"reason: {reason_of(entry.reason)}",
        *trace_lines(entry.log_tail),
    ]
    return "\n".join(lines)
