"""Work in a thread of its own that nobody has to wait for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from threading import Thread
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Abandoned(Exception):  # noqa: N818 - asked for, not an error
    """Somebody gave the errand up."""


class Errand(Generic[Result]):
    """One call in a daemon thread: no read limit of the SDK's ends a server that trickles, and no end of the
    night waits for a model that thinks."""

    def __init__(self, call: Callable[[], Result], name: str) -> None:
        self._call = call
        self._future: Future[Result] = Future()
        Thread(target=self._work, name=name, daemon=True).start()

    def wait(self, seconds: float) -> Result:
        """Raises TimeoutError when it takes longer, Abandoned when it was given up."""
        return self._future.result(timeout=seconds)

    def abandon(self) -> None:
        """Let whoever waits go on at once; what the call still gives is dropped."""
        self._settle(lambda: self._future.set_exception(Abandoned()))

    def _work(self) -> None:
        try:
            result = self._call()
        except Exception as error:  # noqa: BLE001 - handed whole to the thread that waits
            fault = error
            self._settle(lambda: self._future.set_exception(fault))
        else:
            self._settle(lambda: self._future.set_result(result))

    def _settle(self, settle: Callable[[], None]) -> None:
        try:
            settle()
        except InvalidStateError:
            return  # it was settled otherwise, a moment earlier
