"""A container's standard streams, as the engine multiplexes them over one socket.

Each frame has an 8-byte header: the stream (1 stdout, 2 stderr), three zeros, a big-endian length.
Nothing here trusts what comes: memory is bounded, and each wait ends at a monotonic deadline.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable
from typing import Any, Protocol

_HEADER = struct.Struct(">BxxxL")
_STDOUT = 1
# gVisor stalls when more than 64 KiB are unanswered, which are two of the runner's chunks.
CHUNKS_UNDER_WAY = 2
_RECEIVED_BYTES = 1 << 18


class BoundedLog:
    """The first and last halves of a text that may be endless, and how long it was."""

    def __init__(self, limit_bytes: int) -> None:
        self._half = max(1, limit_bytes // 2)
        self._head = bytearray()
        self._tail = bytearray()
        self.total_bytes = 0

    def add(self, data: bytes) -> None:
        self.total_bytes += len(data)
        room = self._half - len(self._head)
        self._head += data[:room]
        self._tail += data[max(room, 0) :]
        del self._tail[: -self._half]

    def text(self) -> str:
        """What was kept, decoded, with a line that says how much was cut."""
        cut = self.total_bytes - len(self._head) - len(self._tail)
        gap = f"\n[... {cut} bytes cut ...]\n".encode() if cut else b""
        return bytes(self._head + gap + self._tail).decode("utf-8", "replace")


class StreamEnded(Exception):  # noqa: N818 - an end, not an error
    """The container closed its streams, or the engine closed the connection."""


class Listener(Protocol):
    """Hears what a container writes to its standard output, and may have heard enough."""

    @property
    def enough(self) -> bool: ...

    def hear(self, data: bytes) -> None: ...


class Stream:
    """One attached container: send to its stdin, read its stdout exactly, keep its stderr's ends."""

    def __init__(self, attached: Any, error_log_bytes: int = 16 * 1024) -> None:
        self._attached = attached  # keeps the HTTP response, and so the connection, alive
        self._socket: socket.socket = getattr(attached, "_sock", attached)
        self._header = bytearray()
        self._frame_left = 0
        self._frame_is_stdout = False
        self._stdout = bytearray()
        self._received = memoryview(bytearray(_RECEIVED_BYTES))
        self._keep: Callable[[memoryview], None] = self._collect
        self.errors = BoundedLog(error_log_bytes)

    def send(self, data: bytes, deadline: float) -> None:
        """Send all of `data`. Raises TimeoutError at the deadline, StreamEnded when nobody reads."""
        view = memoryview(data)
        while view:
            self._socket.settimeout(_left(deadline))
            try:
                view = view[self._socket.send(view) :]
            except (BrokenPipeError, ConnectionError):
                raise StreamEnded from None

    def give(self, data: bytes, deadline: float) -> None:
        """Send what the other side may not live to read; that shows by itself in how it ended."""
        with contextlib.suppress(StreamEnded, TimeoutError):
            self.send(data, deadline)

    def read_exactly(self, size: int, deadline: float) -> bytes:
        """The next `size` bytes of stdout. Raises TimeoutError or StreamEnded."""
        while len(self._stdout) < size:
            self._receive(deadline)
        with memoryview(self._stdout) as view:
            data = bytes(view[:size])
        del self._stdout[:size]
        return data

    def read_message(self, deadline: float, limit_bytes: int, credit_bytes: int) -> bytes:
        """A reply of a length that the other side names, at most `limit_bytes`.

        Raises ValueError when it names more.
        """
        (size,) = struct.unpack("<I", self.read_exactly(4, deadline))
        if size > limit_bytes:
            raise ValueError(f"a reply of {size} bytes, more than {limit_bytes}")
        return self.read_credited(size, deadline, credit_bytes, already=4)

    def read_credited(self, size: int, deadline: float, chunk_bytes: int, already: int = 0) -> bytes:
        """Read `size` bytes that come in chunks, giving one byte of credit for each further chunk.

        Credit for a second chunk is given while the first is under way, so that nobody waits for it.
        """
        granted = chunk_bytes - already
        while True:
            given, allowed = b"", len(self._stdout) + CHUNKS_UNDER_WAY * chunk_bytes
            while granted < size and granted + chunk_bytes <= allowed:
                given, granted = given + b"+", granted + chunk_bytes
            if given:
                self.send(given, deadline)
            if len(self._stdout) >= size:
                return self.read_exactly(size, deadline)
            self._receive(deadline)

    def drain(self, log: BoundedLog, deadline: float, listener: Listener | None = None) -> bool:
        """Move both streams into `log`, in order, until they end (True) or until the deadline (False).

        A listener hears stdout too, and ends it (False) when it has heard enough. Nothing can be read
        exactly any more.
        """

        def keep(part: memoryview) -> None:
            data = bytes(part)
            log.add(data)
            if listener:
                listener.hear(data)

        keep(memoryview(bytes(self._stdout)))
        self._stdout.clear()
        self.errors, self._keep = log, keep
        try:
            while not (listener and listener.enough):
                self._receive(deadline)
            return False
        except TimeoutError:
            return False
        except StreamEnded:
            return True

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._attached.close()
        with contextlib.suppress(OSError):
            self._socket.close()

    def _receive(self, deadline: float) -> None:
        self._socket.settimeout(_left(deadline))
        try:
            size = self._socket.recv_into(self._received)
        except ConnectionError:
            raise StreamEnded from None
        if not size:
            raise StreamEnded
        self._demultiplex(self._received[:size])

    def _demultiplex(self, data: memoryview) -> None:
        while data:
            if not self._frame_left:
                data = self._read_header(data)
            part, data = data[: self._frame_left], data[self._frame_left :]
            self._frame_left -= len(part)
            if self._frame_is_stdout:
                self._keep(part)
            else:
                self.errors.add(bytes(part))

    def _collect(self, part: memoryview) -> None:
        self._stdout += part

    def _read_header(self, data: memoryview) -> memoryview:
        missing = _HEADER.size - len(self._header)
        self._header += data[:missing]
        if len(self._header) == _HEADER.size:
            kind, self._frame_left = _HEADER.unpack(bytes(self._header))
            self._frame_is_stdout = kind == _STDOUT
            self._header.clear()
        return data[missing:]


def _left(deadline: float) -> float:
    """Seconds until a monotonic deadline. Raises TimeoutError when it has passed."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
