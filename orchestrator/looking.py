"""The verbs that look at a run and carry it elsewhere: report, audit show, export."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from orchestrator.errors import LedgerError, SetupError
from orchestrator.ledger.audit import Event, read_events
from orchestrator.ledger.branch import export_branch
from orchestrator.ledger.search import Query
from orchestrator.ledger.story import Archive, read_story, story_of_results
from orchestrator.morning import write_report
from orchestrator.settings import load_settings
from orchestrator.story import Story
from orchestrator.verbs import run_folder
from orchestrator.views.answer import answer, needs
from orchestrator.views.console import Console
from orchestrator.views.events import HEADING, attempt_lines, event_json, event_line

LINES_AT_ONCE = 500


def report(arguments: Namespace) -> int:
    """report.html and progress.png of a run, or of a table of results."""
    if arguments.results:
        return _report_results(arguments.results, arguments.out)
    folder = run_folder(load_settings().runs, arguments.tag)
    story = read_story(folder)
    path = write_report(story, folder, arguments.out or folder)
    _say_report(story, path)
    _check_chain(story)
    return 0


def _check_chain(story: Story) -> None:
    if story.chain and story.chain.problem:
        raise LedgerError(story.chain.problem, remedy="keep the folder as it is and find out who touched it")


def _report_results(results: Path, out: Path | None) -> int:
    if out is None:
        raise SetupError("a table's report needs a place", remedy="name a folder: --out FOLDER")
    story = story_of_results(results)
    _say_report(story, write_report(story, None, out))
    return 0


def _say_report(story: Story, path: Path) -> None:
    console = Console()
    console.say(answer(story))
    for sentence in needs(story):
        console.say(f"a person is needed: {sentence}", "bold")
    console.say(f"report: {path}")


def audit_show(arguments: Namespace) -> int:
    """The log's events that are asked for, or one attempt's whole story. Raises LedgerError at a break."""
    folder = run_folder(load_settings().runs, arguments.tag)
    if arguments.number is not None:
        filters = ("attempt", "event", "outcome", "since", "until", "text", "json")
        if any(getattr(arguments, name) for name in filters):
            remedy = f"leave one of them out, or filter by '--attempt {arguments.number}'"
            raise SetupError("an attempt's story is told whole, without filters or --json", remedy=remedy)
        return _show_attempt(folder, arguments.number)
    query = Query(
        attempts=frozenset(arguments.attempt),
        events=frozenset(arguments.event),
        outcomes=frozenset(arguments.outcome),
        since=arguments.since,
        until=arguments.until,
        text=arguments.text,
    )
    found = (event for event in read_events(folder / "audit.jsonl") if query.matches(event))
    if not arguments.json:
        Console().say(HEADING, "bold")
    if not _print(map(event_json if arguments.json else event_line, found)):
        sys.stderr.write(f"no event of {folder.name} is what was asked for; without filters all are shown\n")
    return 0


def _show_attempt(folder: Path, number: int) -> int:
    story = read_story(folder)
    if not 1 <= number <= len(story.attempts):
        message = f"{folder.name} has no attempt {number}"
        raise SetupError(message, remedy=f"it has {len(story.attempts)}: see 'autoresearch audit show'")
    attempt, archive = story.attempt(number), Archive(folder)
    events = list(_events_of(folder, number))
    log = archive.log(number, len(attempt.runs)) if attempt.runs else ""
    _print(attempt_lines(story, attempt, events, archive.diff(attempt), log))
    _check_chain(story)
    return 0


def _events_of(folder: Path, number: int) -> Iterator[Event]:
    try:
        for event in read_events(folder / "audit.jsonl"):
            if event.get("number") == number:
                yield event
    except LedgerError:
        return  # the story says it


def _print(lines: Iterable[str]) -> int:
    """Many lines quickly, and how many; what stands before a break of the log is shown before the error."""
    console, rest, count = Console(), iter(lines), 0
    while True:
        batch: list[str] = []
        try:
            batch.extend(islice(rest, LINES_AT_ONCE))
        finally:
            if batch:
                console.say("\n".join(batch))
        if not batch:
            return count
        count += len(batch)


def export(arguments: Namespace) -> int:
    """The run as TensorBoard event files, and its kept commits as a branch of a repository."""
    if arguments.tensorboard is None and not arguments.branch:
        raise SetupError("nothing to export", remedy="give --tensorboard DIR, or --branch NAME --repo PATH")
    folder = run_folder(load_settings().runs, arguments.tag)
    if arguments.branch:
        made = export_branch(folder, arguments.branch, arguments.repo)
        Console().say(f"{made.branch}: {made.commits} kept commits, at {made.commit[:10]}")
    if arguments.tensorboard is not None:
        count = _export_tensorboard(read_story(folder), arguments.tensorboard)
        Console().say(f"{arguments.tensorboard}: {count} attempts")
    return 0


def _export_tensorboard(story: Story, out: Path) -> int:
    from orchestrator.views.tensorboard import write_events

    try:
        if out.exists() and any(out.iterdir()):
            raise SetupError(f"{out} is not empty", remedy="name a new folder: two exports would overlap")
        return write_events(story, out)
    except OSError as error:
        raise SetupError(f"{out} cannot be written: {error.strerror}", remedy="choose another") from None
