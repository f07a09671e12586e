"""The two containers of one attempt and the volume between them, and how they are taken away."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from orchestrator.errors import SandboxError, StuckContainer
from orchestrator.sandbox.launch import Container


@dataclass(frozen=True, slots=True)
class Pair:
    """A warm train container, the model container that holds its output, and that output."""

    run_id: str
    volume: str
    model: Container
    train: Container

    def removal_fault(self) -> SandboxError | None:
        """Remove all of it, each thing whatever became of the others; the gravest that went wrong."""
        remove_volume = partial(self.model.engine.remove_volume, self.volume)
        return gravest([fault_of(step) for step in (self.train.remove, self.model.remove, remove_volume)])


def fault_of(step: Callable[[], None]) -> SandboxError | None:
    """Our fault in a step of cleaning up, so that the steps after it are made all the same."""
    try:
        step()
    except SandboxError as fault:
        return fault
    return None


def gravest(faults: Iterable[SandboxError | None]) -> SandboxError | None:
    """A container that cannot be ended, if there is one, else any other fault."""
    return max(filter(None, faults), key=lambda fault: isinstance(fault, StuckContainer), default=None)
