"""What follows a night: the report beside the record, and word to an address of the user's."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self

from orchestrator.errors import LedgerError, OrchestratorError, SetupError
from orchestrator.ledger.disk import write_whole
from orchestrator.ledger.story import Archive, read_story
from orchestrator.settings import Settings
from orchestrator.story import AttemptStory, Story
from orchestrator.text import sanitise_line
from orchestrator.views.answer import answer, needs
from orchestrator.views.console import Console
from orchestrator.webhook import send_word


class Morning:
    """What follows a night, however it ended: its report, and word to the webhook. Never an error.

    Nothing follows unless `began` was set: a start that failed before is told on the console alone. `say` is
    told where the report is.
    """

    def __init__(
        self, settings: Settings, folder: Path, began: Event, say: Callable[[str], None] | None = None
    ) -> None:
        self._settings, self._folder = settings, folder
        self._began, self._say = began, say or Console().say

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, end: BaseException | None, __: TracebackType | None
    ) -> None:
        if self._began.is_set():
            self._follow(end)

    def _follow(self, end: BaseException | None) -> None:
        try:
            story = read_story(self._folder)
            self._tell(story, end)
            if self._settings.report:
                self._say(f"report: {write_report(story, self._folder, self._folder)}")
        except Exception as error:  # noqa: BLE001 - whatever breaks here, the night is recorded and ends as it did
            problem = (
                error.message if isinstance(error, OrchestratorError) else f"{type(error).__name__}: {error}"
            )
            _warn(f"the report could not be made: {problem}; try 'autoresearch report'")

    def _tell(self, story: Story, end: BaseException | None) -> None:
        if self._settings.webhook is None:
            return
        problem = send_word(self._settings.webhook.get_secret_value(), _word(story, end))
        if problem:
            _warn(f"the webhook did not get word: {problem}")


def _word(story: Story, end: BaseException | None) -> dict[str, object]:
    """What the webhook is told: our own words and numbers, no error's text, which might quote a secret."""
    best, asked = story.best, list(needs(story))
    if end is not None and not isinstance(end, KeyboardInterrupt):
        asked.insert(0, f"the run stopped with {type(end).__name__}: see its console")
    return {
        "event": "alarm" if asked else "ended",
        "run": story.tag,
        "text": answer(story),
        "needs": asked,
        "reason": story.sittings[-1].reason if story.sittings else "",
        "metric": story.measure.name,
        "best": best.value if best else None,
        "best_attempt": best.number if best else None,
        "baseline": story.baseline.value if story.baseline else None,
        "attempts": len(story.attempts),
        "kept": len(story.improvements),
    }


def _warn(line: str) -> None:
    sys.stderr.write(f"autoresearch: {sanitise_line(line, 500)}\n")


def write_report(story: Story, folder: Path | None, out: Path) -> Path:
    """Write both files, each at once; the page's path. Raises LedgerError, or SetupError for a bad place."""
    from orchestrator.views.report import make_report

    made = make_report(story, _diffs_of(folder), folder=str(folder or ""))
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(f"{out} cannot be made: {error.strerror}", remedy="choose another --out") from None
    write_whole(out / "progress.png", made.progress_png)
    write_whole(out / "report.html", made.html)
    return out / "report.html"


def _diffs_of(folder: Path | None) -> Callable[[AttemptStory], str]:
    """A repository that is damaged costs its diffs, not the report."""

    def diff_of(attempt: AttemptStory) -> str:
        try:
            return Archive(folder).diff(attempt) if folder else ""
        except LedgerError as error:
            return f"[cannot be read: {error.message}]"

    return diff_of
