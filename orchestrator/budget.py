"""How long a night lasts: slots until the hours or the experiments are spent, or someone says stop."""

from __future__ import annotations

import contextlib
import math
import signal
import time
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any, ClassVar

from orchestrator.errors import SetupError

_REMEDY = "leave it out for no limit"


class Budget:
    """Yields slots 0, 1, 2, ... until it is spent or stopped; `why_ended` then says which.

    The hours begin with the first slot and run on a clock that nobody can set.
    """

    def __init__(
        self,
        *,
        hours: float | None = None,
        experiments: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if hours is not None and not 0 < hours < math.inf:
            raise SetupError(f"hours must be a positive number, not {hours}", remedy=_REMEDY)
        if experiments is not None and experiments < 0:
            raise SetupError(f"experiments cannot be {experiments}", remedy=_REMEDY)
        self._hours = hours
        self._experiments = experiments
        self._clock = clock
        self._started: float | None = None
        self._taken = 0
        self._stop_reason = ""
        self.urgent = False

    def __iter__(self) -> Iterator[int]:
        if self._started is None:
            self._started = self._clock()
        while not self.why_ended:
            self._taken += 1
            yield self._taken - 1

    def give_back(self) -> None:
        """Take back the slot that was given last: nothing came of it."""
        self._taken -= 1

    def stop(self, reason: str, *, at_once: bool = False) -> None:
        """Give no further slot. The first reason stays.

        The one under way is not interrupted, unless `at_once` and by the next signal: see Interrupts.
        """
        self._stop_reason = self._stop_reason or reason
        self.urgent = self.urgent or at_once

    @property
    def stopped(self) -> bool:
        return bool(self._stop_reason)

    @property
    def is_over(self) -> bool:
        """Whether nothing more may begin, not even another run within the slot under way."""
        return self.stopped or self.seconds_left <= 0

    @property
    def seconds_left(self) -> float:
        """Until the hours are spent; infinite without such a limit."""
        if self._hours is None:
            return math.inf
        spent = 0.0 if self._started is None else self._clock() - self._started
        return max(self._hours * 3600 - spent, 0.0)

    def most_slots(self, seconds_each: float) -> float:
        """How many slots of so many seconds there are at most; infinite without a limit."""
        return min(self.seconds_left / seconds_each, self.slots_left)

    @property
    def slots_left(self) -> float:
        """How many experiments may still begin; infinite without such a limit."""
        return math.inf if self._experiments is None else float(self._experiments - self._taken)

    @property
    def why_ended(self) -> str:
        """One clause for the console; empty while there are slots left."""
        if self._stop_reason:
            return self._stop_reason
        if self._experiments is not None and self._taken >= self._experiments:
            return f"all {self._experiments} experiments are done"
        return f"the {self._hours:g} hours are over" if self.seconds_left <= 0 else ""


class Interrupts:
    """While open: a first INT, TERM or HUP stops the budget with a notice, a second one raises, and so does
    the first where the budget was to stop at once.

    A signal that was ignored before, as under nohup, stays ignored. Leaving restores every handler.
    """

    SIGNALS: ClassVar = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self, budget: Budget, notice: Callable[[str], object]) -> None:
        self._budget = budget
        self._notice = notice
        self._asked = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        for number in self.SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._before:
            signal.signal(*self._before.popitem())

    def _interrupt(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - signal's signature
        name = signal.Signals(number).name
        if self._asked or self._budget.urgent:
            raise KeyboardInterrupt(f"{name} after a request to stop")
        self._asked = True
        self._budget.stop(f"stopped by {name}")
        # A signal may land inside a write to the notice's own stream, which refuses to be re-entered.
        with contextlib.suppress(RuntimeError):
            self._notice(f"{name}: ends after the current run; once more ends at once")
