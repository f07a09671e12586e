"""Events of the audit log as lines for a person: one each, or one attempt's whole story."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from orchestrator.story import AttemptStory, RunStory, Story
from orchestrator.text import sanitise_block, sanitise_line
from orchestrator.views.answer import costs, duration

Event = Mapping[str, Any]
WIDEST = 160
_FRAME = frozenset({"seq", "time", "event", "prev", "hash", "refs"})
_DIFF_BYTES = 256 * 1024
_LOG_BYTES = 16 * 1024
HEADING = f"{'line':>6}  {'time (UTC)':<19}  {'event':<18}  {'#':>4}  what"


def event_line(event: Event) -> str:
    """One event as one safe line: where it stands, when, what, of which attempt, and its gist."""
    time = sanitise_line(str(event["time"]), 40)[:19].replace("T", " ")
    number = event.get("number")
    which = f"{number:04d}" if isinstance(number, int) else ""
    name = sanitise_line(str(event["event"]), 40)
    return f"{event['seq']:>6}  {time:<19}  {name:<18}  {which:>4}  {_gist(event)}"


def event_json(event: Event) -> str:
    """The event as the log has it: one line of ASCII, from which its hash can be checked."""
    return json.dumps(event, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _gist(event: Event) -> str:
    tell = _GISTS.get(event["event"], _others)
    try:
        return sanitise_line(tell(event), WIDEST)
    except (KeyError, TypeError, ValueError, AttributeError):  # a rewritten log can have any shape
        return sanitise_line(_others(event), WIDEST)


def _opened(event: Event) -> str:
    return f"{event['title']} (by {event['proposer']})"


def _measured(event: Event) -> str:
    score, run = event["score"] or {}, event["run"] or {}
    serving = f"beside {event['serving']:04d}, " if event["serving"] != event["number"] else ""
    value = score.get("value")
    told = event["failure"] if value is None else f"{value:.6f} ± {score.get('stderr', 0.0):.6f}"
    return f"{serving}seed {event['seed']}, {run.get('train_seconds', 0.0):.1f} s: {told}"


def _closed(event: Event) -> str:
    objections = "; ".join(f"{each['code']}: {each['message']}" for each in event["objections"])
    return f"{event['action']}: {event['reason'] or objections}"


def _others(event: Event) -> str:
    fields = {key: value for key, value in event.items() if key not in _FRAME | {"number"}}
    return ", ".join(f"{key}: {value}" for key, value in fields.items())


_GISTS = {"attempt_opened": _opened, "attempt_measured": _measured, "attempt_closed": _closed}


def attempt_lines(
    story: Story, attempt: AttemptStory, events: Iterable[Event], diff: str, log: str
) -> Iterator[str]:
    """One attempt's whole story, `events` being those of the log that have its number."""
    yield f"attempt {attempt.number:04d}: {sanitise_line(attempt.title, 200)}"
    proposed, *others, decision = attempt_sections(story, attempt, events)
    yield from _section(*proposed)
    yield from _section("edit", sanitise_block(diff, _DIFF_BYTES).splitlines() or ["no change"])
    for section in others:
        yield from _section(*section)
    if log:
        yield from _section("log, its end", sanitise_block(log, _LOG_BYTES, keep="tail").splitlines())
    yield from _section(*decision)


Section = tuple[str, Sequence[str]]


def attempt_sections(story: Story, attempt: AttemptStory, events: Iterable[Event]) -> Iterator[Section]:
    """The same as names and safe lines, without the edit and the log: proposed, verdict, runs, the containers
    that they had, decision."""
    yield "proposed", _safe(_proposal(attempt))
    yield "verdict", _safe([str(each) for each in attempt.objections] or ["allowed"])
    details = {event["seq"]: event for event in events if event["event"] == "attempt_measured"}
    for count, run in enumerate(attempt.runs, start=1):
        yield f"run {count}", _safe(_run(attempt, run, details.get(run.line, {})))
    yield from _containers(story, attempt)
    yield "decision", _safe(_decision(story, attempt))


def _safe(lines: Iterable[str]) -> list[str]:
    return [sanitise_block(line, 4096) for line in lines]


def _section(name: str, lines: Iterable[str]) -> Iterator[str]:
    yield ""
    yield name
    yield from (f"  {sanitise_block(line, 4096)}" for line in lines)


def _proposal(attempt: AttemptStory) -> Iterator[str]:
    fields = {
        "by": attempt.proposer,
        "at": attempt.opened_at,
        "kind": attempt.kind,
        "hypothesis": sanitise_line(attempt.hypothesis, 2000),
        "problem": sanitise_line(attempt.problem, 2000),
        "cost": ", ".join([f"{attempt.usage.requests} requests", *costs(attempt.usage)]),
        "prompt sha256": attempt.prompt_sha256,
        "reply sha256": attempt.reply_sha256,
        "base": f"attempt {attempt.base:04d}" if attempt.base else "the task's own files",
        "commit": attempt.commit,
    }
    if not attempt.usage.requests:
        del fields["cost"]
    yield from _fields(fields)


def _run(attempt: AttemptStory, run: RunStory, event: Event) -> Iterator[str]:
    measured, result = event.get("run") or {}, (event.get("run") or {}).get("result") or {}
    beside = run.serving and run.serving != attempt.number
    yield from _fields(
        {
            "for": f"attempt {run.serving:04d}, beside it" if beside else "",
            "seed": run.seed,
            "ended": run.outcome,
            "trained": f"{run.train_seconds:.3f} s" if run.outcome else "",
            "why not": sanitise_line(run.reason, 1000),
            "value": _value(run.value, run.stderr, verified=run.verified),
            "holdout": _value(run.holdout, run.holdout_stderr),
            "scored in": duration(run.score_seconds) if run.score_seconds else "",
            "memory": f"{run.memory_gb:.2f} GiB, says the candidate" if run.memory_gb else "",
            "at": run.time,
            "line of the log": run.line,
        }
    )
    yield from _nested("container", measured.get("container"))
    others = ("run_id", "exit_code", "oom_killed", "overrun_seconds", "log_bytes")
    yield from _nested("process", {name: measured[name] for name in others if name in measured})
    yield from _nested("left behind", {name: value for name, value in result.items() if name != "config"})
    yield from _nested("score", (event.get("score") or {}).get("details"))


def _containers(story: Story, attempt: AttemptStory) -> Iterator[Section]:
    """The flags of the containers of each run, where they are not those of the run before."""
    before: Mapping[str, Any] = {}
    for count, run in enumerate(attempt.runs, start=1):
        if (flags := story.flags_of(run)) != before:
            yield f"containers from run {count}", _safe(_flags(flags))
        before = flags


def _flags(flags: Mapping[str, Any]) -> Iterator[str]:
    """Those of the container that trains, how the others differ, and those of the volume between them."""
    training = _texts(flags.get("train"))
    yield f"image: {sanitise_line(str(flags.get('image')), 100)}"
    yield from ("train:", *(f"  {flag}" for flag in training))
    for name in ("model", "smoke"):
        other = _texts(flags.get(name))
        yield f"{name}, as train"
        yield from (f"  but not {flag}" for flag in training if flag not in other)
        yield from (f"  but {flag}" for flag in other if flag not in training)
    yield from ("output:", *(f"  {flag}" for flag in _texts(flags.get("output"))))


def _texts(flags: Any) -> list[str]:
    return [sanitise_line(str(flag), 400) for flag in flags] if isinstance(flags, list) else []


def _value(value: float | None, stderr: float, *, verified: bool = True) -> str:
    if value is None:
        return ""
    return f"{value:.6f} ± {stderr:.6f}" + ("" if verified else " (self-reported)")


def _decision(story: Story, attempt: AttemptStory) -> Iterator[str]:
    if attempt.action is None:
        yield "not yet: the attempt is open"
        return
    error = story.error_of(attempt)
    yield from _fields(
        {
            "decided": attempt.action.value,
            "because": sanitise_line(attempt.reason, 2000),
            "value": _value(attempt.value, error, verified=attempt.verified),
            "at": attempt.closed_at,
        }
    )
    yield from _nested("facts", attempt.facts)


def _fields(fields: Mapping[str, Any]) -> Iterator[str]:
    shown = {name: _plain(value) for name, value in fields.items() if value not in {"", None}}
    width = max(map(len, shown), default=0)
    yield from (f"{name:<{width}}  {value}" for name, value in shown.items())


def _plain(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S} UTC" if isinstance(value, datetime) else str(value)


def _nested(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        yield f"{name}:"
        yield from (f"  {sanitise_line(f'{key}: {_flat(item)}', 400)}" for key, item in value.items())


def _flat(value: Any) -> str:
    nested: Sequence[str] = [f"{k} {v}" for k, v in value.items()] if isinstance(value, Mapping) else []
    return ", ".join(nested) if nested else str(value)
