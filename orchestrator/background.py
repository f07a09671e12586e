"""Work that goes on beside the training, one piece after another, in a thread that nobody waits for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


class Background:
    """Does what it is given in the order given; whatever a piece of work raises comes out where it is taken.

    The thread is a daemon: a model that never answers keeps no program from ending.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._queue: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._thread: Thread | None = None

    def start(self, work: Callable[[], T]) -> Future[T]:
        """Begin as soon as what was given before is done."""
        future: Future[T] = Future()

        def piece() -> None:
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001 - handed whole to the thread that takes the result
                future.set_exception(error)

        self._queue.put(piece)
        if self._thread is None:
            self._thread = Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        return future

    def settle(self, seconds: float) -> bool:
        """Wait until everything given so far is done; whether it was in time."""
        return bool(wait([self.start(lambda: None)], seconds).done)

    def _work(self) -> None:
        while True:
            self._queue.get()()
