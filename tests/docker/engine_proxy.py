"""A socket in front of the engine's: it can be cut, as by a restart, or hang on requests of one kind."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import threading
from collections.abc import Callable
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

    def __enter__(self) -> EngineProxy:
        self.restore()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()

    def restore(self) -> None:
        """Accept connections from now on."""
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def swallow(self, request: str) -> None:
        """Never answer a request whose first line begins like this pattern; "" lets all through again."""
        self._swallowed = re.compile(request.encode()) if request else _NOTHING

    def cut(self) -> None:
        """The engine is gone: nothing listens, and every connection ends."""
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
                for pump in ((client, engine, self._hangs), (engine, client, _never)):
                    threading.Thread(target=_pump, args=pump, daemon=True).start()

    def _hangs(self, data: bytes) -> bool:
        return self._swallowed.match(data) is not None


def _never(_: bytes) -> bool:
    return False


def _pump(source: socket.socket, target: socket.socket, hangs: Callable[[bytes], bool]) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            if not hangs(data):
                target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
