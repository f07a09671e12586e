"""`autoresearch dashboard`: a page that looks at a run while it goes on, and touches nothing."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from orchestrator.errors import LedgerError
from orchestrator.ledger.following import Follower
from orchestrator.ledger.story import Archive, story_of_results
from orchestrator.proposers.constants import read_constants
from orchestrator.settings import load_settings
from orchestrator.story import AttemptStory, Glimpse, Story
from orchestrator.verbs import run_folder
from orchestrator.views.board import Draft
from orchestrator.views.closeup import Papers, Settings, close_up, side_by_side
from orchestrator.views.console import Console

MOST_LOGS = 8


def dashboard(arguments: Namespace) -> int:
    """Serve the page on this machine's loopback address until Ctrl-C."""
    from orchestrator.views.web import listen, serve

    source: RunSource | TableSource
    if arguments.results:
        source = TableSource(story_of_results(arguments.results))
    else:
        source = RunSource(run_folder(load_settings().runs, arguments.tag))
    first = source.look()
    with listen(arguments.port) as listener:
        host, port = listener.getsockname()
        Console(sys.stdout).say(f"http://{host}:{port}/ shows {source.name}, live, read only; Ctrl-C ends it")
        serve(source, listener, first)
    return 0


class TableSource:
    """A table of results: it never changes, and has no diffs and no logs."""

    def __init__(self, story: Story) -> None:
        self.name = story.tag
        self._story = story
        self._told = False

    def look(self) -> Draft | None:
        """The whole table once."""
        told, self._told = self._told, True
        numbers = tuple(each.number for each in self._story.attempts)
        return None if told else Draft.of(Glimpse(self._story, numbers, fresh=True))

    def attempt(self, number: int) -> dict[str, Any]:
        """One attempt from close by. Raises IndexError."""
        return close_up(self._story, self._story.attempt(number), Papers())

    def compare(self, before: int, after: int) -> dict[str, Any]:
        """Two attempts side by side. Raises IndexError."""
        story = self._story
        return side_by_side(story, (story.attempt(before), {}), (story.attempt(after), {}), "")


class RunSource:
    """A run folder. One thread looks; attempts are asked for by any."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self._follower, self._archive = Follower(folder), Archive(folder)
        self._story: Story

    def look(self) -> Draft | None:
        """What is new since the last look, None when nothing is. At the first it raises LedgerError."""
        glimpse = self._follower.look()
        if glimpse is None:
            return None
        self._story = glimpse.story
        return Draft.of(glimpse)

    def attempt(self, number: int) -> dict[str, Any]:
        """One attempt from close by. Raises IndexError. What the record cannot give is said in its place."""
        story = self._story
        attempt = self._with_digests(story.attempt(number))
        papers = Papers(
            [self._event(run.line) for run in attempt.runs],
            _readable(lambda: self._archive.diff(attempt)),
            self._logs(attempt),
        )
        return close_up(story, attempt, papers)

    def compare(self, before: int, after: int) -> dict[str, Any]:
        """Two attempts side by side. Raises IndexError."""
        story = self._story
        first, second = story.attempt(before), story.attempt(after)
        gpu = bool(story.sittings and story.sittings[-1].facts.get("gpu"))
        pair = [(each, self._settings(each, gpu=gpu)) for each in (first, second)]
        diff = _readable(lambda: self._archive.diff_between(first, second))
        return side_by_side(story, pair[0], pair[1], diff)

    def _with_digests(self, attempt: AttemptStory) -> AttemptStory:
        opened = self._event(attempt.line)
        digests = {name: str(opened.get(name) or "") for name in ("prompt_sha256", "reply_sha256")}
        return replace(attempt, **digests)  # type: ignore[arg-type]

    def _event(self, line: int) -> dict[str, Any]:
        try:
            return self._follower.event(line)
        except LedgerError:
            return {"event": "", "seq": line}  # the head says that the record is broken

    def _logs(self, attempt: AttemptStory) -> dict[int, str]:
        """The logs of the latest runs, the latest first."""
        runs = islice(range(len(attempt.runs), 0, -1), MOST_LOGS)
        return {run: _readable(lambda run=run: self._archive.log(attempt.number, run)) for run in runs}  # type: ignore[misc]

    def _settings(self, attempt: AttemptStory, *, gpu: bool) -> Settings:
        """The constants in the sources, and what the latest run said of its configuration.

        What the gate refused is not parsed again.
        """
        found: dict[str, object] = {}
        if attempt.status == "refused":
            return found
        for path, text in self._files(attempt).items():
            if path.endswith(".py"):
                found |= read_constants(text, gpu=gpu).values
        for run in attempt.runs[-1:]:
            result = (self._event(run.line).get("run") or {}).get("result") or {}
            found |= {f"config: {name}": value for name, value in (result.get("config") or {}).items()}
        return found

    def _files(self, attempt: AttemptStory) -> dict[str, str]:
        try:
            return dict(self._archive.files(attempt))
        except (LedgerError, UnicodeDecodeError):
            return {}


def _readable(read: Callable[[], str]) -> str:
    try:
        return read()
    except LedgerError as error:
        return f"[cannot be read: {error.message}]"
