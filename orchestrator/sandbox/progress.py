"""Reads a run's own words about its loss from its standard output: hostile text, into a short curve.

The words are those of `harness.log`: somewhere in a line, `loss=4.31`. When they were said is told by the
host's clock alone, so shares ascend whatever a line claims. Bounded in memory, in work and in what comes out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from orchestrator.records import Curve

POINTS = 64
LINE_BYTES = 512
POINT_BYTES = 64 * 1024
LARGEST_LOSS = 1e6
_BREAK = re.compile(rb"[\r\n]")
_LOSS = re.compile(rb"(?:^|[ \t])loss=([0-9]{1,7}(?:\.[0-9]{0,17})?(?:[eE][+-]?[0-9]{1,3})?)(?=[ \t]|$)")
_UNREADABLE = b" " * (LINE_BYTES + 1)

Judge = Callable[[Curve], str]


def never(curve: Curve) -> str:  # noqa: ARG001 - a judge's signature
    """The judge that ends nothing."""
    return ""


class Progress:
    """The curve of one run: for each 64th of its time the mean loss that it said, and when it said the last.

    `judge` is asked whenever a point is complete; once it gives a reason, that stays. Of each 64th no more
    than 64 KiB are read, and longer lines than 512 bytes are not.
    """

    def __init__(self, share: Callable[[], float], judge: Judge = never) -> None:
        self._share = share
        self._judge = judge
        self._points: list[tuple[float, float]] = []
        self._cell = 0
        self._room = POINT_BYTES
        self._line = b""
        self._at, self._total, self._count = 0.0, 0.0, 0
        self.verdict = ""

    @property
    def enough(self) -> bool:
        return bool(self.verdict)

    @property
    def curve(self) -> Curve:
        """The points so far, shares ascending, at most 64."""
        return (*self._points, *self._current())

    def hear(self, data: bytes) -> None:
        """Take the next bytes of standard output."""
        share = min(max(self._share(), 0.0), 1.0)
        cell = min(int(share * POINTS), POINTS - 1)
        if cell > self._cell:
            self._complete(cell)
        *lines, rest = _BREAK.split(self._line + data[: self._room])
        for line in lines:
            self._read(line, share)
        self._line = rest[: LINE_BYTES + 1] if len(data) <= self._room else _UNREADABLE
        self._room -= min(len(data), self._room)

    def _read(self, line: bytes, share: float) -> None:
        found = _LOSS.search(line) if len(line) <= LINE_BYTES else None
        loss = float(found[1]) if found else math.nan
        if loss <= LARGEST_LOSS:
            self._at, self._total, self._count = max(self._at, share), self._total + loss, self._count + 1

    def _complete(self, cell: int) -> None:
        if self._count:
            self._points.extend(self._current())
            self.verdict = self.verdict or self._judge(tuple(self._points))
        self._cell, self._room, self._total, self._count = cell, POINT_BYTES, 0.0, 0

    def _current(self) -> Curve:
        return ((round(self._at, 4), round(self._total / self._count, 6)),) if self._count else ()
