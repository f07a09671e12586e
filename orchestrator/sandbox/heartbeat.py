"""Notices that the engine went away, even when it is back before anybody asks it anything.

A container whose engine restarts looks like one that crashed. So a connection on which the engine
has nothing to say is held open beside the work: when that one ends, the fault is not the candidate's.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable

NOTICE_SECONDS = 0.3


class Heartbeat:
    """Listens on a stream that ends only when the engine does; `open_stream` opens it."""

    def __init__(self, open_stream: Callable[[], Iterable[object]]) -> None:
        self._open_stream = open_stream
        self._ended = threading.Event()
        self._listening = False
        self.watch = 0

    def begin(self) -> None:
        """Listen from now on, if nobody does; `watch` counts how often that was anew. Raises what opening the
        stream raises."""
        if self._listening and not self._ended.is_set():
            return
        stream, self._ended, self._listening = self._open_stream(), threading.Event(), True
        self.watch += 1
        threading.Thread(target=_listen, args=(stream, self._ended), daemon=True).start()

    def missed(self, seconds: float = NOTICE_SECONDS) -> bool:
        """Whether the stream has ended since `begin`; waits so long for news that is under way."""
        return self._listening and self._ended.wait(seconds)


def _listen(stream: Iterable[object], ended: threading.Event) -> None:
    # Whatever breaks a connection, in whichever library below us, is the news that we wait for.
    with contextlib.suppress(Exception):
        for _ in stream:
            pass
    ended.set()
