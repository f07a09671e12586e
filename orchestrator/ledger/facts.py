"""Records as fields of events, and events as records again."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from orchestrator.ledger.audit import Event
from orchestrator.ledger.paths import shown
from orchestrator.ledger.state import State
from orchestrator.records import (
    Action,
    Attempt,
    Curve,
    Decision,
    Entry,
    Experiment,
    Files,
    Proposal,
    Run,
    Score,
    Spent,
    Usage,
)
from orchestrator.text import sanitise_block, sanitise_line

TITLE_CHARACTERS = 200
KIND_CHARACTERS = 40
_HYPOTHESIS_BYTES = 16_384
_PROBLEM_BYTES = 4096
_LOG_TAIL_BYTES = 4096
_DEEPEST = 32
_LARGEST_INTEGER_BITS = 1024


def plain(value: Any, depth: int = 0) -> Any:
    """Any value as finite JSON of bounded depth; what cannot be written as such stands as a string."""
    if depth > _DEEPEST:
        return "(too deep)"
    if isinstance(value, Mapping):
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, depth + 1) for item in value]
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if value.bit_length() <= _LARGEST_INTEGER_BITS else "(huge integer)"
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    number = getattr(value, "item", None)  # numpy's scalars
    return _plain_scalar(number()) if callable(number) else str(value)


def clean(proposal: Proposal) -> Proposal:
    """The proposal with its prose made safe to show; its files as they are."""
    return Proposal(
        title=sanitise_line(proposal.title, TITLE_CHARACTERS) or "untitled",
        files=proposal.files,
        hypothesis=sanitise_block(proposal.hypothesis, _HYPOTHESIS_BYTES),
        proposer=sanitise_line(proposal.proposer, 64) or "unknown",
        kind=sanitise_line(proposal.kind, KIND_CHARACTERS),
        problem=sanitise_block(proposal.problem, _PROBLEM_BYTES),
        usage=proposal.usage,
        prompt_sha256=proposal.prompt_sha256,
        reply_sha256=proposal.reply_sha256,
        exchange=proposal.exchange,
    )


def draw_seed(base: str, number: int, run: int = 1) -> int:
    """The seed of one run of an attempt, 31 bits, drawn by the host from the run folder's own random base."""
    which = f"{base}:{number}" if run == 1 else f"{base}:{number}:{run}"
    return int.from_bytes(hashlib.sha256(which.encode()).digest()[:4], "big") >> 1


def planned(number: int, proposal: Proposal, base: Files, parent: str | None, seed: int) -> Attempt:
    """The attempt before its commit, its prose and texts made fit to be stored."""
    texts = {path: text.encode(errors="replace").decode() for path, text in proposal.files.items()}
    damaged = sorted(shown(path) for path, text in proposal.files.items() if texts[path] != text)
    cleaned = clean(replace(proposal, files=texts))
    if damaged:
        problem = f"{', '.join(damaged[:3])}: the text is not Unicode"
        cleaned = replace(cleaned, problem="; ".join(filter(None, [cleaned.problem, problem])))
    files = {**base, **texts}
    return Attempt(number, cleaned, files, seed, parent=parent, base_files=base)


def bytes_of(files: Files) -> int:
    """Of all texts together."""
    return sum(len(text.encode()) for text in files.values())


def commit_message(number: int, proposal: Proposal, audit_head: str) -> str:
    """Title, hypothesis as one line, and our own trailers; nothing in it can pass for a trailer."""
    prose = [proposal.title, sanitise_line(proposal.hypothesis, 2000)]
    trailers = f"Attempt: {number:04d}\nProposer: {proposal.proposer}\nAudit-Head: {audit_head}\n"
    return "\n\n".join([*filter(None, prose), trailers])


def commit_message_of(opened: Event, audit_head: str) -> str:
    """The same from what the log says of the attempt."""
    said = Proposal(opened["title"], {}, opened["hypothesis"], opened["proposer"])
    return commit_message(opened["number"], said, audit_head)


def opened_fields(attempt: Attempt) -> dict[str, Any]:
    """What `attempt_opened` says of an attempt, its texts aside: those are in the commit."""
    proposal = attempt.proposal
    return {
        "number": attempt.number,
        "title": proposal.title,
        "hypothesis": proposal.hypothesis,
        "proposer": proposal.proposer,
        "problem": proposal.problem,
        "kind": proposal.kind,
        "usage": asdict(proposal.usage),
        "spent": asdict(attempt.spent),
        "prompt_sha256": proposal.prompt_sha256,
        "reply_sha256": proposal.reply_sha256,
        "commit": attempt.commit,
        "parent": attempt.parent,
        "seed": attempt.seed,
    }


def attempt_from(opened: Event, files: Files, base_files: Files) -> Attempt:
    """An attempt as it was opened; left-out paths come back empty, under their escaped names."""
    left_out = dict.fromkeys(opened["left_out"], "")
    changed = {path: files[path] for path in opened["changed"]}
    proposal = Proposal(
        title=opened["title"],
        files={**changed, **left_out},
        hypothesis=opened["hypothesis"],
        proposer=opened["proposer"],
        problem=opened["problem"],
        usage=Usage(**opened["usage"]),
        kind=opened.get("kind", ""),
        prompt_sha256=opened.get("prompt_sha256", ""),
        reply_sha256=opened.get("reply_sha256", ""),
    )
    return Attempt(
        number=opened["number"],
        proposal=proposal,
        files={**files, **left_out},
        seed=opened["seed"],
        commit=opened["commit"],
        parent=opened["parent"],
        base_files=base_files,
        spent=Spent(**opened.get("spent", {})),
    )


def measured_fields(experiment: Experiment, serving: int) -> dict[str, Any]:
    """What `attempt_measured` says of one run: its seed, how far it got, and what was measured.

    `serving` is the attempt that is decided on; the run may be one of the best beside it, or serve the best.
    """
    return {
        "number": experiment.attempt.number,
        "serving": serving,
        "seed": experiment.attempt.seed,
        "status": experiment.status,
        "failure": experiment.failure,
        "run": _run_fields(experiment.run) if experiment.run else None,
        "score": _score_fields(experiment.score) if experiment.score else None,
    }


def closed_fields(experiment: Experiment, decision: Decision, values: list[float]) -> dict[str, Any]:
    """What `attempt_closed` says: how far it got, every value measured, what was decided and why."""
    return {
        "number": experiment.attempt.number,
        "action": decision.action.value,
        "reason": decision.reason,
        "facts": plain(decision.facts),
        "values": values,
        "status": experiment.status,
        "failure": experiment.failure,
        "objections": [asdict(objection) for objection in experiment.verdict.objections],
    }


def _run_fields(run: Run) -> dict[str, Any]:
    result = run.result
    fields = {
        "run_id": run.run_id,
        "outcome": run.outcome.value,
        "train_seconds": run.train_seconds,
        "overrun_seconds": run.overrun_seconds,
        "exit_code": run.exit_code,
        "oom_killed": run.oom_killed,
        "reason": run.reason,
        "log_bytes": run.log_bytes,
        "progress": run.progress,
        "container": run.container,
        "result": {name: getattr(result, name) for name in _RESULT_FIELDS} if result else None,
    }
    return {name: plain(value) for name, value in fields.items()}


def progress_of(measured: Event) -> Curve:
    """The curve of one measured run."""
    return tuple((float(share), float(loss)) for share, loss in (measured["run"] or {}).get("progress", ()))


_RESULT_FIELDS = ("config", "claims", "result_sha256", "weights_sha256", "weights_bytes")


def _score_fields(score: Score) -> dict[str, Any]:
    names = ("value", "stderr", "verified", "reason", "seconds", "details")
    holdout = plain(asdict(score.holdout)) if score.holdout else None
    return {**{name: plain(getattr(score, name)) for name in names}, "holdout": holdout}


def tail_of(log: str) -> str:
    """The end of a log, safe to show."""
    return sanitise_block(log, _LOG_TAIL_BYTES, keep="tail")


def entry_from(state: State, number: int, files: Files, log_tail: str = "") -> Entry:
    """A closed attempt as the proposer sees it; its value is the mean of all its runs so far."""
    opened, closed = state.opened[number], state.closed[number]
    values, last = state.values_of(number), last_run(state, number) or {}
    return Entry(
        number=opened["number"],
        title=opened["title"],
        hypothesis=opened["hypothesis"],
        proposer=opened["proposer"],
        action=Action(closed["action"]),
        status=closed["status"],
        value=math.fsum(values) / len(values) if closed["status"] == "scored" else None,
        reason=_reason(closed),
        commit=opened["commit"],
        files=files,
        runs=len(state.runs_of(number)),
        train_seconds=last.get("train_seconds", 0.0),
        memory_gb=memory_gb(last),
        log_tail=log_tail,
        verified=state.kinds_of(number) != {False},
        base=state.base_number_of(number),
        kind=opened.get("kind", ""),
        usage=Usage(**opened["usage"]),
    )


def _reason(closed: Event) -> str:
    reason, failure = closed["reason"], closed["failure"]
    return f"{reason} ({failure})" if failure and failure not in reason else str(reason)


def last_run(state: State, number: int) -> Event | None:
    """The fields of an attempt's last run, of those with a value where there are any; None without a run."""
    measured = last_measured(state, number)
    run: Event | None = measured["run"] if measured else None
    return run


def shown_run(state: State, number: int) -> int:
    """Which of an attempt's runs that is, counted from 1; 0 without a run."""
    measured = last_measured(state, number)
    return state.runs_of(number).index(measured) + 1 if measured else 0


def last_measured(state: State, number: int) -> Event | None:
    """The event of that run."""
    runs = state.runs_of(number)
    shown = [event for event in runs if event["status"] == "scored"] or runs
    return shown[-1] if shown else None


def memory_gb(run: Event) -> float:
    """The peak memory that a run claimed, in GiB; 0.0 when it claimed none."""
    result = run.get("result") or {}
    claimed = (result.get("claims") or {}).get("peak_memory_bytes", 0.0)
    return float(claimed) / 2**30 if isinstance(claimed, int | float) and 0 < claimed < 2**63 else 0.0
