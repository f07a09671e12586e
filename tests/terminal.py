"""A terminal to look at: what a program writes to it becomes rows of letters, as a person would see them.

It knows what our own screen needs and no more; anything else that arrives is kept in `foreign`.
"""

from __future__ import annotations

import codecs
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from rich.cells import cell_len

_PIECE = re.compile(
    r"\x1b\[(\??[\d;]*)([A-Za-z])|(\x1b.?)|([\x00-\x1f\x7f-\x9f])|([^\x00-\x1f\x7f-\x9f])", re.DOTALL
)
_UNFINISHED = re.compile(r"\x1b(\[[\d;?]*)?\Z")


@dataclass
class Row:
    """One row: letters with the style that each has; `goes_on` where a long line was wrapped."""

    cells: list[tuple[str, str]] = field(default_factory=list)
    goes_on: bool = False

    def text(self) -> str:
        return "".join(letter for letter, _ in self.cells).rstrip()

    def styled(self) -> str:
        """The same with its colours, as escape codes."""
        pieces = groupby(self.cells, key=lambda cell: cell[1])
        return "".join(f"\x1b[0m{style}{''.join(letter for letter, _ in run)}" for style, run in pieces)


class Terminal:
    """Rows of letters and a cursor; a window that is made narrower wraps its rows anew."""

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self.columns, self.height = columns, rows
        self.all_rows: list[Row] = [Row()]
        self.row, self.column, self.style = 0, 0, ""
        self.wraps = True
        self.foreign: list[str] = []
        self._rest = ""

    def feed(self, text: str) -> None:
        text = self._rest + text
        unfinished = _UNFINISHED.search(text)
        self._rest = unfinished[0] if unfinished else ""
        for piece in _PIECE.finditer(text[: len(text) - len(self._rest)]):
            given, final, escape, control, letter = piece.groups()
            if final:
                self._obey(given, final)
            elif letter:
                self._put(letter)
            elif control in {"\r", "\n"}:
                self._move(control)
            else:
                self.foreign.append(escape or control)

    def resize(self, columns: int, rows: int) -> None:
        """Wrap every line anew, and keep the cursor at its letter."""
        lines: list[list[tuple[str, str]]] = [[]]
        place = (0, 0)
        for number, row in enumerate(self.all_rows):
            if number == self.row:
                place = (len(lines) - 1, len(lines[-1]) + self.column)
            lines[-1].extend(row.cells)
            if not row.goes_on and number + 1 < len(self.all_rows):
                lines.append([])
        self.columns, self.height, self.all_rows = columns, rows, []
        for number, line in enumerate(lines):
            if number == place[0]:
                self.row = len(self.all_rows) + min(place[1], len(line)) // columns
                self.column = place[1] % columns
            parts = [line[at : at + columns] for at in range(0, len(line), columns)] or [[]]
            self.all_rows += [Row(part, goes_on=at + 1 < len(parts)) for at, part in enumerate(parts)]

    @property
    def lines(self) -> list[str]:
        """Everything that can be seen by scrolling back."""
        return [row.text() for row in self.all_rows]

    @property
    def visible(self) -> list[Row]:
        return self.all_rows[-self.height :]

    def _put(self, letter: str) -> None:
        width = cell_len(letter)
        if self.column + width > self.columns:
            if not self.wraps:
                self.column = self.columns - width
            else:
                self.all_rows[self.row].goes_on = True
                self._move("\n")
                self.column = 0
        cells = self.all_rows[self.row].cells
        cells.extend([(" ", "")] * (self.column - len(cells)))
        if width == 0 and cells:
            cells[self.column - 1] = (cells[self.column - 1][0] + letter, self.style)
        else:
            cells[self.column : self.column + width] = [(letter, self.style), ("", "")][:width]
        self.column += width

    def _move(self, control: str) -> None:
        if control == "\r":
            self.column = 0
            return
        self.row += 1
        if self.row == len(self.all_rows):
            self.all_rows.append(Row())

    def _obey(self, given: str, final: str) -> None:
        match (final, given):
            case ("m", _):
                self.style = "" if given in {"", "0"} else f"{self.style}\x1b[{given}m"
            case ("A", _):
                top = max(len(self.all_rows) - self.height, 0)
                self.row = max(self.row - int(given or 1), top)
            case ("K", ""):
                del self.all_rows[self.row].cells[self.column :]
            case ("J", ""):
                del self.all_rows[self.row].cells[self.column :]
                del self.all_rows[self.row + 1 :]
            case ("l" | "h", "?7"):
                self.wraps = final == "h"
            case _:
                self.foreign.append(f"\x1b[{given}{final}")


class Programme:
    """A Python program that runs on a terminal of its own, as if a person had started it there.

    `environment` is the whole of it, this process's own by default, and `extra` goes over that.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        terminal: Terminal | None = None,
        environment: Mapping[str, str] | None = None,
        extra: Mapping[str, str] | None = None,
        folder: Path = Path(),
    ) -> None:
        self.terminal = terminal or Terminal()
        self.raw = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._ours, theirs = os.openpty()
        self._set_size()
        inherited = dict(os.environ) if environment is None else environment
        plain = {"TERM": "xterm-256color", "PYTHONUNBUFFERED": "1", "LANG": "C.UTF-8"}
        asked = {key: value for key, value in inherited.items() if key not in {"CI", "NO_COLOR"}}
        self.process = subprocess.Popen(
            ["setsid", "--ctty", sys.executable, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env={**asked, **plain, **(extra or {})},
        )
        os.close(theirs)

    def _set_size(self) -> None:
        size = struct.pack("HHHH", self.terminal.height, self.terminal.columns, 0, 0)
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, size)

    def read(self, seconds: float) -> bool:
        """Take what was written within so many seconds; False when the program let go of the terminal."""
        if not select.select([self._ours], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self._ours, 65536)
        except OSError:
            return False
        self.raw += data
        self.terminal.feed(self._decoder.decode(data))
        return bool(data)

    def until(self, there: Callable[[Terminal], bool], seconds: float = 30.0) -> Terminal:
        """Look until it is there. Fails with the terminal's rows when it does not come."""
        deadline = time.monotonic() + seconds
        while not there(self.terminal):
            goes_on = self.read(0.1)
            missing = time.monotonic() > deadline or not (goes_on or there(self.terminal))
            assert not missing, "\n".join(["it did not come:", *self.terminal.lines])
        return self.terminal

    def type(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def resize(self, columns: int, rows: int) -> None:
        """What a person does with the mouse."""
        self.terminal.resize(columns, rows)
        self._set_size()

    def hang_up(self) -> None:
        """Close the terminal under the program."""
        os.close(self._ours)

    def finish(self, seconds: float = 30.0) -> int:
        """Read until the program ended; its exit code."""
        deadline = time.monotonic() + seconds
        while self.read(0.1):
            if self.process.poll() is not None and not select.select([self._ours], [], [], 0.1)[0]:
                break
            assert time.monotonic() < deadline, "\n".join(["it did not end:", *self.terminal.lines])
        return self.process.wait(max(deadline - time.monotonic(), 1.0))

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
