"""The heartbeat over streams that end, break and stay."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from orchestrator.sandbox.heartbeat import Heartbeat


def test_a_stream_that_stays_is_no_missed_beat() -> None:
    stay = threading.Event()

    def stream() -> Iterator[bytes]:
        yield b"news"
        stay.wait(5)

    heartbeat = Heartbeat(stream)
    heartbeat.begin()
    assert not heartbeat.missed()
    stay.set()
    assert heartbeat.missed()


def test_a_stream_that_breaks_is_noticed_within_a_moment() -> None:
    def stream() -> Iterator[bytes]:
        time.sleep(0.1)
        raise RuntimeError("cut")
        yield b""

    heartbeat = Heartbeat(stream)
    heartbeat.begin()
    began = time.monotonic()
    assert heartbeat.missed()
    assert time.monotonic() - began < 0.29


def test_a_new_beginning_forgets_the_old_end() -> None:
    stay = threading.Event()
    opened: list[int] = []

    def stream() -> Iterator[bytes]:
        opened.append(len(opened))
        if len(opened) > 1:
            stay.wait(5)
        yield b""

    heartbeat = Heartbeat(stream)
    assert not heartbeat.missed(), "nobody listens yet"
    heartbeat.begin()
    assert heartbeat.missed()
    heartbeat.begin()
    assert not heartbeat.missed()
    heartbeat.begin()
    assert len(opened) == 2, "one that is heard is not opened again"
    stay.set()
