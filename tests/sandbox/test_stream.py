"""The engine's multiplexed stream over a real socket pair, with every unkindness of the other side."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from orchestrator.sandbox.crash import crash_reason, readable
from orchestrator.sandbox.engine import Exit
from orchestrator.sandbox.stream import BoundedLog, Stream, StreamEnded

STDOUT, STDERR = 1, 2


def frame(kind: int, data: bytes) -> bytes:
    return struct.pack(">BxxxL", kind, len(data)) + data


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


@pytest.fixture
def pair() -> Iterator[tuple[Stream, socket.socket]]:
    ours, theirs = socket.socketpair()
    stream = Stream(ours)
    with theirs:
        yield stream, theirs
        stream.close()


@contextlib.contextmanager
def meanwhile(work: Callable[[], None]) -> Iterator[None]:
    """Another thread does `work`, until it ends or its socket is gone."""

    def quietly() -> None:
        with contextlib.suppress(OSError):
            work()

    thread = threading.Thread(target=quietly, daemon=True)
    thread.start()
    yield
    thread.join(timeout=5)
    assert not thread.is_alive()


@contextlib.contextmanager
def takes(at_least: float, at_most: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert at_least <= time.monotonic() - began < at_most


@pytest.mark.parametrize("step", [1, 3, 7, 8, 9, 1000])
def test_a_reply_is_whole_however_its_frames_and_headers_are_cut(
    pair: tuple[Stream, socket.socket], step: int
) -> None:
    stream, theirs = pair
    wire = frame(STDOUT, b"he") + frame(STDERR, b"oops") + frame(STDOUT, b"") + frame(STDOUT, b"llo, world")

    def send() -> None:
        for start in range(0, len(wire), step):
            theirs.sendall(wire[start : start + step])
            time.sleep(0.001)

    with meanwhile(send):
        assert stream.read_exactly(5, soon()) == b"hello"
        assert stream.read_exactly(7, soon()) == b", world"
    assert stream.errors.text() == "oops"


def test_what_comes_behind_a_reply_is_kept_for_the_next(pair: tuple[Stream, socket.socket]) -> None:
    stream, theirs = pair
    theirs.sendall(frame(STDOUT, b"firstsecond"))
    assert [stream.read_exactly(n, soon()) for n in (5, 6, 0)] == [b"first", b"second", b""]


def test_the_log_keeps_both_streams_in_the_order_in_which_they_came(
    pair: tuple[Stream, socket.socket],
) -> None:
    stream, theirs = pair
    theirs.sendall(frame(STDOUT, b"step 1\n") + frame(STDERR, b"warning\n") + frame(STDOUT, b"step 2\n"))
    theirs.sendall(frame(STDERR, b"Traceback\nValueError: at step 3\n"))
    theirs.close()
    log = BoundedLog(1000)
    assert stream.drain(log, soon()) is True
    assert log.text() == "step 1\nwarning\nstep 2\nTraceback\nValueError: at step 3\n"
    assert crash_reason(Exit(1, oom_killed=False), log.text()) == "ValueError: at step 3"


def test_what_was_read_too_far_before_draining_comes_first(pair: tuple[Stream, socket.socket]) -> None:
    stream, theirs = pair
    theirs.sendall(frame(STDOUT, b"ready\nearly ") + frame(STDOUT, b"late"))
    theirs.close()
    assert stream.read_exactly(6, soon()) == b"ready\n"
    log = BoundedLog(1000)
    stream.drain(log, soon())
    assert log.text() == "early late"


def test_an_endless_line_is_counted_and_only_its_ends_are_kept(pair: tuple[Stream, socket.socket]) -> None:
    stream, theirs = pair
    block = frame(STDOUT, b"x" * 65_528)

    def send() -> None:
        theirs.sendall(frame(STDOUT, b"BEGIN"))
        for _ in range(160):
            theirs.sendall(block)
        theirs.sendall(frame(STDERR, b"END"))
        theirs.close()

    log = BoundedLog(1000)
    with meanwhile(send):
        assert stream.drain(log, soon()) is True
    assert log.total_bytes == 8 + 160 * 65_528
    assert log.text().startswith("BEGINxxx")
    assert log.text().endswith("xxxEND")
    assert f"\n[... {log.total_bytes - 1000} bytes cut ...]\n" in log.text()


def test_endless_errors_while_waiting_for_a_reply_stay_small(pair: tuple[Stream, socket.socket]) -> None:
    stream, theirs = pair

    def send() -> None:
        for _ in range(100):
            theirs.sendall(frame(STDERR, b"e" * 65_536))
        theirs.sendall(frame(STDOUT, b"ok"))

    with meanwhile(send):
        assert stream.read_exactly(2, soon()) == b"ok"
    assert stream.errors.total_bytes == 100 * 65_536
    assert len(stream.errors.text()) < 17 * 1024


@pytest.mark.parametrize(
    ("limit", "data", "kept"),
    [
        (8, b"", ""),
        (8, b"12345678", "12345678"),
        (8, b"123456789", "1234\n[... 1 bytes cut ...]\n6789"),
        (9, b"123456789", "1234\n[... 1 bytes cut ...]\n6789"),
        (1, b"abc", "a\n[... 1 bytes cut ...]\nc"),
    ],
)
@pytest.mark.parametrize("step", [1, 2, 100])
def test_a_bounded_log_keeps_exactly_its_two_ends(limit: int, data: bytes, kept: str, step: int) -> None:
    log = BoundedLog(limit)
    for start in range(0, len(data), step):
        log.add(data[start : start + step])
    assert (log.text(), log.total_bytes) == (kept, len(data))


def test_a_bounded_log_needs_no_more_memory_however_much_comes() -> None:
    log, block = BoundedLog(64 * 1024), b"x" * 65_536
    log.add(block)
    tracemalloc.start()
    for _ in range(300):
        log.add(block)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 512 * 1024


def test_a_crash_after_much_output_still_shows_its_last_line() -> None:
    log = BoundedLog(1000)
    log.add(b"noise\n" * 1000 + b"Traceback (most recent call last):\nValueError: the reason\n")
    text = readable(log, 1000)
    assert len(text.encode()) <= 1000
    assert crash_reason(Exit(1, oom_killed=False), text) == "ValueError: the reason"


def test_bytes_that_are_no_text_do_not_push_out_the_last_line() -> None:
    log = BoundedLog(1000)
    log.add(b"\xff" * 5000 + b"\nTraceback:\nValueError: the reason\n")
    assert readable(log, 1000).endswith("\nTraceback:\nValueError: the reason\n")
    assert len(readable(log, 1000).encode()) <= 1000


def test_a_trickle_of_bytes_does_not_move_the_deadline(pair: tuple[Stream, socket.socket]) -> None:
    stream, theirs = pair

    def trickle() -> None:
        theirs.sendall(frame(STDOUT, b"x" * 1000)[:8])
        for _ in range(40):
            theirs.sendall(b"x")
            time.sleep(0.02)

    with meanwhile(trickle):
        with takes(0.3, 0.5), pytest.raises(TimeoutError):
            stream.read_exactly(1000, soon(0.3))
        stream.close()


@pytest.mark.parametrize("kind", [STDOUT, STDERR])
def test_draining_a_flood_ends_at_the_deadline(pair: tuple[Stream, socket.socket], kind: int) -> None:
    stream, theirs = pair

    def flood() -> None:
        while True:
            theirs.sendall(frame(kind, b"x" * 1000))

    with meanwhile(flood):
        with takes(0.2, 0.4):
            assert stream.drain(BoundedLog(100), soon(0.2)) is False
        stream.close()


def test_a_side_that_never_reads_cannot_hold_the_sender(pair: tuple[Stream, socket.socket]) -> None:
    stream, _ = pair
    with takes(0.2, 0.4), pytest.raises(TimeoutError):
        stream.send(bytes(8 << 20), soon(0.2))
    with takes(0.0, 0.1):
        stream.give(b"more", soon(-1))


def test_a_deadline_that_has_passed_reads_nothing(pair: tuple[Stream, socket.socket]) -> None:
    stream, theirs = pair
    theirs.sendall(frame(STDOUT, b"there"))
    with pytest.raises(TimeoutError):
        stream.read_exactly(5, soon(-0.001))
    assert stream.read_exactly(5, soon()) == b"there"


@pytest.mark.parametrize("sent", [b"", b"\x01\x00", frame(STDOUT, b"whole")[:-1]])
def test_an_end_in_the_middle_is_an_end(pair: tuple[Stream, socket.socket], sent: bytes) -> None:
    stream, theirs = pair
    theirs.sendall(sent)
    theirs.close()
    with pytest.raises(StreamEnded):
        stream.read_exactly(5, soon())


def test_sending_to_a_side_that_is_gone_is_an_end(pair: tuple[Stream, socket.socket]) -> None:
    stream, theirs = pair
    theirs.close()
    with pytest.raises(StreamEnded):
        stream.send(b"hello", soon())
    stream.give(b"hello", soon())


@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 20, 25])
def test_each_chunk_but_the_first_is_paid_with_one_credit(
    pair: tuple[Stream, socket.socket], size: int
) -> None:
    stream, theirs = pair
    body, paid = bytes(range(size)), []

    def answer() -> None:
        for start in range(0, size, 10):
            if start:
                paid.append(theirs.recv(1))
            theirs.sendall(frame(STDOUT, body[start : start + 10]))

    with meanwhile(answer):
        assert stream.read_credited(size, soon(), 10) == body
    assert paid == [b"+"] * max(0, (size - 1) // 10)


def test_credit_runs_one_chunk_ahead_and_no_further(pair: tuple[Stream, socket.socket]) -> None:
    """More than two chunks unanswered would stall a container under gVisor."""
    stream, theirs = pair
    seen = []

    def answer() -> None:
        for _ in range(5):
            time.sleep(0.05)
            theirs.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                seen.append(len(theirs.recv(100)))
            theirs.setblocking(True)
            theirs.sendall(frame(STDOUT, bytes(10)))

    with meanwhile(answer):
        assert stream.read_credited(50, soon(), 10) == bytes(50)
    assert seen == [1, 1, 1, 1]


class Enough:
    """A listener that has heard enough after so many bytes."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self.heard = b""

    @property
    def enough(self) -> bool:
        return len(self.heard) >= self._limit_bytes

    def hear(self, data: bytes) -> None:
        self.heard += data


def test_a_listener_hears_stdout_alone_and_ends_the_draining(pair: tuple[Stream, socket.socket]) -> None:
    stream, theirs = pair
    theirs.sendall(frame(STDERR, b"not this") + frame(STDOUT, b"this ") + frame(STDOUT, b"too"))
    log, listener = BoundedLog(1000), Enough(8)
    assert stream.drain(log, soon(), listener) is False
    assert (listener.heard, log.text()) == (b"this too", "not thisthis too")


@pytest.mark.parametrize("size", [0, 6, 7, 16, 17])
def test_the_length_of_a_message_is_part_of_its_first_chunk(
    pair: tuple[Stream, socket.socket], size: int
) -> None:
    stream, theirs = pair
    wire, paid = struct.pack("<I", size) + bytes(size), []

    def answer() -> None:
        for start in range(0, len(wire), 10):
            if start:
                paid.append(theirs.recv(1))
            theirs.sendall(frame(STDOUT, wire[start : start + 10]))

    with meanwhile(answer):
        assert stream.read_message(soon(), 100, 10) == bytes(size)
    assert len(paid) == (len(wire) - 1) // 10


@pytest.mark.parametrize("size", [101, 2**32 - 1])
def test_a_message_that_is_announced_too_long_is_not_read(
    pair: tuple[Stream, socket.socket], size: int
) -> None:
    stream, theirs = pair
    theirs.sendall(frame(STDOUT, struct.pack("<I", size)))
    with pytest.raises(ValueError, match="more than 100"):
        stream.read_message(soon(), 100, 10)
