"""What becomes of our own faults: they are repeated, recorded, and never turned into a score."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from orchestrator.errors import SandboxError, ScorerError, StuckContainer

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """Repeats work that the engine or the scorer broke, `faults_in_a_row` times at most.

    `record` is told each fault, and `await_engine` waits until the engine answers again. The last
    fault is raised, which pauses the run: the attempt stays open in the ledger and is taken up again
    at the next start.
    """

    faults_in_a_row: int
    record: Callable[..., Any]
    await_engine: Callable[[], Any] = bool
    wait_seconds: float = 2.0

    def insist(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The work's result. Raises SandboxError or ScorerError after so many faults in a row.

        Nothing is repeated beside a container that cannot be ended: StuckContainer is raised at once.
        """
        fault = 0
        while True:
            try:
                return work(*args, **kwargs)
            except StuckContainer as stuck:
                self.record("device_quarantined", device=stuck.device, container=stuck.container)
                raise
            except (SandboxError, ScorerError) as error:
                if _hides_an_interrupt(error):
                    raise KeyboardInterrupt("while something was cleaned up") from error
                fault += 1
                if fault >= self.faults_in_a_row:
                    raise
                self.record("fault_occurred", fault=fault, kind=type(error).__name__, message=str(error))
            time.sleep(self.wait_seconds * fault)
            self.await_engine()


def _hides_an_interrupt(error: BaseException) -> bool:
    """Whether it was raised by cleaning up after an interrupt, which must not be taken for a fault."""
    before = error.__context__
    return before is not None and (isinstance(before, KeyboardInterrupt) or _hides_an_interrupt(before))
