"""Follows a run from outside while it goes on: nothing is written, and each event is read once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from orchestrator.errors import LedgerError
from orchestrator.ledger.audit import Event
from orchestrator.ledger.reading import is_held
from orchestrator.ledger.standing import without_collector
from orchestrator.ledger.telling import Telling
from orchestrator.story import Glimpse, Story


class Follower:
    """Looks at a run's log again and again. Only one thread may look; events may be read by any.

    A log that was replaced or cut by other hands is read from its beginning.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._telling = Telling(folder)
        self._seen: tuple[int, int, bool] | None = None
        self._story: Story | None = None

    def look(self) -> Glimpse | None:
        """What is new since the last look; None when nothing is.

        Raises LedgerError when there is no run to be read at the first look; later that is told as a break.
        """
        try:
            glimpse = self._look()
        except LedgerError as error:
            glimpse = self._without_a_log(error)
        except OSError as error:
            glimpse = self._without_a_log(LedgerError(f"the run cannot be read: {error.strerror}"))
        if glimpse:
            self._story = glimpse.story
        return glimpse

    def event(self, line: int) -> Event:
        """One whole event of the log as it was read. Raises LedgerError when it is no longer there."""
        return self._telling.lines.event(line)

    def _look(self) -> Glimpse | None:
        inode, size = self._measure()
        before = self._seen
        fresh = before is None or before[0] != inode or size < self._telling.reading.good_bytes
        if not fresh and before == (inode, size, self._is_held()):
            return None
        changed = self._begin() if fresh else self._telling.read_on()
        held = self._is_held()
        self._seen = (inode, size, held)
        return Glimpse(self._telling.story(held=held), changed, fresh=fresh)

    def _begin(self) -> tuple[int, ...]:
        with without_collector():
            self._telling = Telling.of_index(self._folder)
            return self._telling.read_on()

    def _is_held(self) -> bool:
        """Whether a process is at work. To find out, the lock is tried, and let go at once if it was free;
        that is not done when the log says that the run came to its end."""
        return not self._telling.is_ended and is_held(self._folder / "lock")

    def _measure(self) -> tuple[int, int]:
        try:
            found = (self._folder / "audit.jsonl").lstat()
        except OSError as error:
            message = f"audit.jsonl cannot be read: {error.strerror}"
            raise LedgerError(message, remedy="put the run folder back, or look at another run") from None
        return found.st_ino, found.st_size

    def _without_a_log(self, error: LedgerError) -> Glimpse | None:
        told = self._story
        if told is None or told.chain is None:
            raise error
        if told.chain.problem == error.message:
            return None
        self._seen = (0, 0, False)  # whatever is there next is another log
        return Glimpse(replace(told, chain=replace(told.chain, problem=error.message), in_progress=False), ())
