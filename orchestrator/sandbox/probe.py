"""Looks at a card from a process of its own, so that a driver that hangs cannot hang the night.

A thread would not do: one that is stuck in the kernel keeps its whole process from ending, and the
driver's library may crash. The process beside us listens all the time, since a slow-down or another
program that came and went would not show at the end; it answers one JSON line to each `look`.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Protocol

from orchestrator.errors import SandboxError
from orchestrator.sandbox.hygiene import SLOWDOWNS, CardFault, CardState, Process

START_SECONDS = 60.0  # a driver that nothing keeps loaded takes seconds for each card of the machine
LOOK_SECONDS = 10.0
SAMPLE_SECONDS = 1.0
LISTEN_SECONDS = 0.1
MAX_REPLY_BYTES = 1 << 20
_REMEDY = "look at 'nvidia-smi' and 'dmesg | grep Xid'; the card may need a reset, or the machine a reboot"


class Card(Protocol):
    """What the process beside us reads; one part for each vendor."""

    def await_xids(self, seconds: float) -> list[int]: ...

    def sample(self) -> tuple[tuple[str, ...], tuple[Process, ...]]: ...

    def look(self) -> CardState: ...


class Probe:
    """The host's end. A process that hung or died is left behind, and the next look starts another."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        start_seconds: float = START_SECONDS,
        look_seconds: float = LOOK_SECONDS,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._command = list(command)
        self._environment = environment
        self._start_seconds, self._look_seconds = start_seconds, look_seconds
        self._process: subprocess.Popen[bytes] | None = None

    def look(self) -> CardState:
        """The card now, and what was noticed since the last look. Raises SandboxError within the limit."""
        seconds = self._look_seconds if self._process else self._start_seconds
        try:
            reply = json.loads(self._ask(time.monotonic() + seconds))
            if "fault" in reply:
                raise SandboxError(f"the card does not answer: {reply['fault']}", remedy=_REMEDY)
            return CardState.from_json(reply)
        except TimeoutError:
            self._abandon()
            message = f"the card's driver does not answer within {seconds:g} seconds"
            raise SandboxError(message, remedy=_REMEDY) from None
        except (OSError, ValueError, TypeError, KeyError) as error:
            self._abandon()
            message = f"the look at the card failed: {type(error).__name__}"
            raise SandboxError(message, remedy=_REMEDY) from None
        except SandboxError:
            self._abandon()
            raise

    def close(self) -> None:
        """Let the process end; one that does not, stuck in the kernel, is killed and left behind."""
        process, self._process = self._process, None
        if process is None:
            return
        _close_pipes(process)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1.0)
            return
        process.kill()

    def _ask(self, deadline: float) -> bytes:
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - our own
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                env=self._environment,
                start_new_session=True,  # an interrupt of ours is none of its business
            )
        wire_in, wire_out = self._process.stdin, self._process.stdout
        if wire_in is None or wire_out is None:
            raise ValueError("no pipes")
        with contextlib.suppress(BrokenPipeError):  # it ended; what it said before is still there to read
            wire_in.write(b"look\n")
        return _read_line(wire_out.fileno(), deadline)

    def _abandon(self) -> None:
        if self._process is not None:
            self._process.kill()
            self.close()


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _read_line(descriptor: int, deadline: float) -> bytes:
    """Raises TimeoutError at the deadline, and ValueError when the other side ends or says too much."""
    line = b""
    while not line.endswith(b"\n"):
        if not select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise TimeoutError
        part = os.read(descriptor, 65_536)
        if not part or len(line) > MAX_REPLY_BYTES:
            raise ValueError(line)
        line += part
    return line


class Watch:
    """The other end: what was noticed of a card since the last look."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self._noticed = CardState()
        self._sampled_at = time.monotonic()

    def listen(self) -> None:
        """Wait a moment for Xids, and see who computes and whether the card is slowed, once a second."""
        xids = tuple(self._card.await_xids(LISTEN_SECONDS))
        slowed: dict[str, float] = {}
        visitors: tuple[Process, ...] = ()
        seconds = time.monotonic() - self._sampled_at
        if seconds >= SAMPLE_SECONDS:
            self._sampled_at += seconds
            with contextlib.suppress(CardFault):  # the next look tells
                reasons, there = self._card.sample()
                slowed = dict.fromkeys(SLOWDOWNS.intersection(reasons), seconds)
                visitors = tuple(replace(each, cgroup=cgroup_of(each.pid)) for each in there)
        self._noticed = CardState(xids=xids, visitors=visitors, slowed_seconds=slowed).since(self._noticed)

    def look(self) -> CardState:
        state = self._card.look().since(self._noticed)
        self._noticed = CardState()
        return state


def cgroup_of(pid: int) -> str:
    """Where a process belongs, from the kernel; empty for one that is gone or hidden."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cgroup").read_text()
    return ""


def serve(card: Card, wire_in: BinaryIO, wire_out: BinaryIO) -> None:
    """Listen, and answer each line that comes in, until the host is gone."""
    watch = Watch(card)
    while True:
        watch.listen()
        if select.select([wire_in], [], [], 0.0)[0]:
            if not wire_in.readline():
                return
            wire_out.write(json.dumps(watch.look().to_json()).encode() + b"\n")
            wire_out.flush()


def main(identity: str) -> int:
    """Serve one card on the standard streams."""
    from orchestrator.sandbox import amd, nvml  # noqa: PLC0415 - only this process needs the bindings

    try:
        card: Card = amd.AmdCard(identity) if identity.startswith("/") else nvml.NvmlCard(identity)
        serve(card, sys.stdin.buffer, sys.stdout.buffer)
    except CardFault as fault:
        sys.stdout.buffer.write(json.dumps({"fault": str(fault)}).encode() + b"\n")
        sys.stdout.buffer.flush()
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
