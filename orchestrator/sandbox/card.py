"""One card between two runs: nothing starts on it before it is clean, nothing is scored when it was not.

Before a run: wait until the card is free and cool, else it is our fault and the attempt is repeated.
After it, when the train container is gone: was the card the same for this run as for any other?
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from orchestrator.errors import SandboxError
from orchestrator.sandbox.gpu import Grant
from orchestrator.sandbox.hygiene import (
    CANDIDATE_XIDS,
    MIB,
    CardState,
    ailments,
    busy,
    judge,
    leftovers,
    obstacles,
    strangers,
)
from orchestrator.sandbox.probe import Probe

# A killed process gives back tens of gigabytes within a second or two; heat takes longer.
SETTLE_SECONDS = 15.0
LOOK_AGAIN_SECONDS = 0.25


class CardWatch(Protocol):
    """Keeps a card fit to measure on. One method before each run, one after."""

    def before_run(self, container: str) -> None:
        """Raises SandboxError when the card does not become clean in time.

        `container` is the identity of the container that the run will have the card for.
        """

    def after_run(self) -> Mapping[str, Any]:
        """Facts for the audit log. Raises SandboxError when the run cannot be scored."""

    def close(self) -> None: ...


class NoCard:
    """For runs on the processor: there is nothing to look at."""

    def before_run(self, container: str) -> None: ...

    def after_run(self) -> Mapping[str, Any]:
        return {}

    def close(self) -> None: ...


class Looks(Protocol):
    """Where looks come from: a Probe, or in tests a list."""

    def look(self) -> CardState: ...

    def close(self) -> None: ...


class WatchedCard:
    """A card that is looked at through a probe; `settle_seconds` is how long it may take to be clean."""

    def __init__(self, identity: str, probe: Looks, settle_seconds: float = SETTLE_SECONDS) -> None:
        self._identity = identity
        self._probe = probe
        self._settle_seconds = settle_seconds
        self._base_bytes: int | None = None
        self._ours: tuple[str, ...] = ()
        self._before = CardState()
        self._began = time.monotonic()

    def before_run(self, container: str) -> None:
        state = self._settle(busy)
        if reasons := obstacles(state, self._base_bytes):
            raise self._refusal("is not clean", reasons, state)
        known = state.used_bytes if self._base_bytes is None else self._base_bytes
        self._base_bytes = min(known, state.used_bytes)
        self._ours, self._before, self._began = (container,), state, time.monotonic()

    def after_run(self) -> Mapping[str, Any]:
        seconds = time.monotonic() - self._began
        state = self._settle(leftovers)
        if reasons := judge(self._base_bytes, state, ours=self._ours, run_seconds=seconds):
            held = leftovers(state, self._base_bytes) and not strangers(state.visitors, self._ours)
            raise self._refusal("is in quarantine" if held else "was not itself: not scored", reasons, state)
        return self._facts(state)

    def close(self) -> None:
        self._probe.close()

    def _settle(self, against: Callable[[CardState, int | None], Sequence[str]]) -> CardState:
        """Look until nothing is against it, time is up, or the card is ill; nothing noticed is lost."""
        deadline = time.monotonic() + self._settle_seconds
        state = self._probe.look()
        while against(state, self._base_bytes) and not ailments(state) and time.monotonic() < deadline:
            time.sleep(LOOK_AGAIN_SECONDS)
            state = self._probe.look().since(state)
        return state

    def _refusal(self, what: str, reasons: Sequence[str], state: CardState) -> SandboxError:
        message = f"the card {self._identity} {what}: {'; '.join(reasons)}"
        return SandboxError(message, remedy=_cure(state, self._identity))

    def _facts(self, after: CardState) -> dict[str, Any]:
        return {
            "card": self._identity,
            "used_mib": {"before": self._before.used_bytes // MIB, "after": after.used_bytes // MIB},
            "celsius": {"before": self._before.temperature_celsius, "after": after.temperature_celsius},
            "clock_mhz": {"before": self._before.clock_mhz, "after": after.clock_mhz},
            "slowed_seconds": {name: round(length, 1) for name, length in after.slowed_seconds.items()},
            "xids": [_described(xid) for xid in after.xids],
        }


def watch_card(grant: Grant) -> CardWatch:
    """The watch over the card of a grant; a machine whose card cannot be looked at fails at the first run."""
    if grant.gpu is None:
        return NoCard()
    identity = grant.gpu.identity
    return WatchedCard(identity, Probe([sys.executable, "-m", "orchestrator.sandbox.probe", identity]))


def _described(xid: int) -> str:
    return f"{xid}: {CANDIDATE_XIDS.get(xid, 'not in our tables, and no excuse')}"


def _cure(state: CardState, identity: str) -> str:
    """What a person can do; who holds the card comes first."""
    if state.processes:
        pids = " ".join(str(process.pid) for process in state.processes)
        return f"end what holds it ('ps -p {pids}'), or pin another card with AUTORESEARCH_GPU"
    if not ailments(state) and (state.slowdowns or state.slowed_seconds):
        return "see to its cooling and power; the attempt is repeated"
    reset = "" if identity.startswith("/") else f" ('nvidia-smi --gpu-reset -i {identity}')"
    return f"reset {identity}{reset}, reboot, or pin another card with AUTORESEARCH_GPU"
