"""A socket in front of the engine's: it can be cut, as by a restart, or hang on requests of one kind."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType

ENGINE = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
_NOTHING = re.compile(rb"(?!)")


class EngineProxy:
    """Listens on `path` for the engine behind it; `cut` breaks every connection and refuses new ones until
    `restore`."""

    def __init__(self, path: Path, engine: str = ENGINE) -> None:
        self._path = path
        self._engine = engine
        self._open: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self._swallowed = _NOTHING
        self._unanswered = _NOTHING
        self._is_cut = threading.Event()

    def __enter__(self) -> EngineProxy:
        self.restore()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()

    def restore(self) -> None:
        """Accept connections from now on."""
        self._is_cut.clear()
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def swallow(self, request: str) -> None:
        """Never answer a request whose first line begins like this pattern; "" lets all through again."""
        self._swallowed = re.compile(request.encode()) if request else _NOTHING

    def lose_answer(self, request: str) -> None:
        """Let the next request that begins like this pattern through, and `cut` when its answer comes."""
        self._unanswered = re.compile(request.encode())

    def await_cut(self, seconds: float = 60) -> None:
        """Wait until the connection is cut. Raises AssertionError when it is not in time."""
        assert self._is_cut.wait(seconds), "the request did not come"

    def cut(self) -> None:
        """The engine is gone: nothing listens, and every connection ends."""
        self._is_cut.set()
        listener, self._listener = self._listener, None
        broken, self._open = self._open, []
        for each in [listener, *broken]:
            if each:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                engine = socket.socket(socket.AF_UNIX)
                engine.connect(self._engine)
                self._open += [client, engine]
                asked = threading.Event()
                pumps = [
                    (client, engine, partial(self._passes_request, asked)),
                    (engine, client, partial(self._passes_answer, asked)),
                ]
                for pump in pumps:
                    threading.Thread(target=_pump, args=pump, daemon=True).start()

    def _passes_request(self, asked: threading.Event, data: bytes) -> bool:
        if self._unanswered.match(data):
            self._unanswered = _NOTHING
            asked.set()
        return self._swallowed.match(data) is None

    def _passes_answer(self, asked: threading.Event, _: bytes) -> bool:
        if asked.is_set():
            self.cut()
        return not asked.is_set()


def _pump(source: socket.socket, target: socket.socket, passes: Callable[[bytes], bool]) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            if passes(data):
                target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
