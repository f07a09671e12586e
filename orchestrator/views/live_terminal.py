"""A few lines at the end of a terminal that are drawn again in place, with ordinary lines going by above."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import IO

from rich.console import Console as RichConsole
from rich.console import RenderableType
from rich.text import Text

LOOK_SECONDS = 0.25
ENDING_SECONDS = 2.0
_NO_SCREEN = {"", "dumb", "unknown"}
_UP, _ERASE_LINE, _ERASE_BELOW = "\x1b[{}A", "\x1b[K", "\x1b[J"
_CUT_LONG_LINES, _WRAP_LONG_LINES = "\x1b[?7l", "\x1b[?7h"


@dataclass(frozen=True, slots=True)
class Glyphs:
    """What bars are made of."""

    bar: str = "━"
    rest: str = "─"
    ramp: str = "▁▂▃▄▅▆▇█"


ASCII = Glyphs("=", "-", "_.-=oO@")


@dataclass(frozen=True, slots=True)
class Room:
    """The terminal's size and what it can show."""

    columns: int
    rows: int
    glyphs: Glyphs = Glyphs()


Picture = Callable[[Room], Sequence[Text]]


def is_live(stream: IO[str], environment: Mapping[str, str]) -> bool:
    """Whether a stream is a terminal that can be drawn on, and nobody asked for plain lines."""
    plain = environment.get("NO_COLOR") or environment.get("CI")
    return stream.isatty() and not plain and environment.get("TERM", "") not in _NO_SCREEN


class Painter:
    """While open, the only one who writes to the terminal, in a thread of its own.

    So a terminal that is slow, stopped or closed keeps nobody waiting, and a line may come from any thread
    or from a signal handler. The cursor is never hidden and stays below the picture: whatever ends the
    program, the terminal is as it was.
    """

    def __init__(self, stream: IO[str], picture: Picture) -> None:
        stream.flush()
        self._fd = stream.fileno()
        self._rich = RichConsole(file=stream, highlight=False, soft_wrap=True)
        self._glyphs = Glyphs() if self._rich.encoding.startswith("utf") else ASCII
        self._picture = picture
        self._lines: SimpleQueue[RenderableType] = SimpleQueue()
        self._ended = Event()
        self._others_write = Event()
        self._thread = Thread(target=self._paint, name="screen", daemon=True)
        self._shown = _Shown()

    def __enter__(self) -> Painter:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the picture away and leave the lines; on a terminal that takes nothing, leave both."""
        self._ended.set()
        self._thread.join(ENDING_SECONDS)
        self._others_write.set()

    def put(self, content: RenderableType) -> None:
        """One line, or a table, above the picture. A Text that does not wrap is cut to one row."""
        self._lines.put(content)

    def _paint(self) -> None:
        with suppress(OSError):  # a terminal that is gone: nobody looks any more
            try:
                while not self._ended.wait(LOOK_SECONDS):
                    self._show(self._picture(self._room()) if self._in_front() else None)
            finally:
                erases = self._in_front() and not self._others_write.is_set()
                self._show(() if erases else None)

    def _in_front(self) -> bool:
        """Whether the terminal is ours, and not a shell's that we run behind."""
        try:
            return os.tcgetpgrp(self._fd) == os.getpgrp()
        except OSError:  # it is not the terminal that we were started from
            return True

    def _room(self) -> Room:
        columns, rows = os.get_terminal_size(self._fd)
        return Room(columns or 80, rows or 24, self._glyphs)

    def _show(self, picture: Sequence[Text] | None) -> None:
        """Write what is new in one piece: lines first, then the picture; None draws none, and erases none."""
        room = self._room()
        above = "".join(self._rendered(content, room) for content in self._waiting())
        if picture is None:
            self._shown = _Shown()
            self._write(above)
            return
        shown = _Shown(tuple(self._rendered(line, room) for line in picture), _cells(picture), room)
        if above or shown != self._shown:
            head = self._shown.back_to_its_top(room) + (_ERASE_BELOW + above if above else "")
            self._write(head + shown.text())
            self._shown = shown

    def _waiting(self) -> Iterator[RenderableType]:
        with suppress(Empty):
            while True:
                yield self._lines.get_nowait()

    def _rendered(self, content: RenderableType, room: Room) -> str:
        if isinstance(content, Text) and content.no_wrap:
            content.truncate(max(room.columns - 1, 1), overflow="ellipsis")
        with self._rich.capture() as captured:
            self._rich.print(content)
        return captured.get().replace("\n", "\r\n")

    def _write(self, text: str) -> None:
        data = text.encode(self._rich.encoding, "backslashreplace")
        while data:
            data = data[os.write(self._fd, data) :]


@dataclass(frozen=True, slots=True)
class _Shown:
    """A picture as it stands on the terminal: its lines, the cells that each takes, and the room it had."""

    lines: tuple[str, ...] = ()
    cells: tuple[int, ...] = ()
    room: Room = Room(80, 24)

    def text(self) -> str:
        """No line wraps, whatever a terminal makes of its letters: else the way back would be wrong."""
        lines = "".join(line.replace("\r\n", f"{_ERASE_LINE}\r\n") for line in self.lines)
        return f"{_CUT_LONG_LINES}{lines}{_WRAP_LONG_LINES}{_ERASE_BELOW}"

    def back_to_its_top(self, room: Room) -> str:
        """From below the picture. In a window that was made narrower, terminals wrap what they had."""
        rows = sum(max(math.ceil(cells / room.columns), 1) for cells in self.cells)
        rows = min(rows, room.rows - 1)
        return "\r" + (_UP.format(rows) if rows else "")


def _cells(picture: Sequence[Text]) -> tuple[int, ...]:
    return tuple(line.cell_len for line in picture)
