"""How a container that still runs is brought to its end, at its deadline or before."""

from __future__ import annotations

import time
from contextlib import suppress

from orchestrator.errors import SandboxError
from orchestrator.sandbox.launch import Container
from orchestrator.sandbox.stream import BoundedLog

DEATH_SECONDS = 5.0
# What the kernel needs to take down one process with the framework loaded, on two busy cores.
PROCESS_DEATH_SECONDS = 0.01


def end(container: Container, log: BoundedLog, grace_ends: float) -> float:
    """TERM, a grace to flush, KILL; the seconds past the grace until it was seen dead.

    A crowd takes the kernel longer, so it is killed that much earlier within the grace.
    What the engine cannot signal is left to the removal, by force and verified. Raises SandboxError
    when somebody had paused the container: it cannot have used its time.
    """
    engine, paused = container.engine, False
    with suppress(SandboxError):
        paused = engine.thaw(container.identity)
        crowd = _crowd(container)
        engine.signal(container.identity, "SIGTERM")
        container.stream.drain(log, grace_ends - PROCESS_DEATH_SECONDS * crowd)
        engine.signal(container.identity, "SIGKILL")
        engine.wait_exit(container.identity, DEATH_SECONDS)
    overrun_seconds = max(0.0, time.monotonic() - grace_ends)
    if paused:
        container.remove()
        message = f"{container.name} was paused by another hand"
        raise SandboxError(message, remedy="leave its containers alone; the attempt is repeated")
    return overrun_seconds


def _crowd(container: Container) -> int:
    """How many processes there are to end; 0 where the engine cannot tell."""
    with suppress(SandboxError):
        return container.engine.processes(container.identity)
    return 0
