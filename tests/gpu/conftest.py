"""A machine with a card: the card as policy would grant it, and two places where programs use it.

In the sealed place a program runs in a container like a candidate's. The bare one needs no engine: it
is there when AUTORESEARCH_TORCH_PYTHON names a Python that has the framework.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from orchestrator.assembly import SECCOMP
from orchestrator.errors import OrchestratorError
from orchestrator.policy import SandboxPolicy
from orchestrator.sandbox.card import WatchedCard
from orchestrator.sandbox.container import RUN_LABEL, Outfit, container_body, output_options
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.gpu import Gpu, Grant, choose_grant, find_gpus
from orchestrator.sandbox.launch import Container, launch
from orchestrator.sandbox.ownership import OWNER_LABEL, owner_of
from orchestrator.sandbox.probe import Probe
from orchestrator.sandbox.stream import BoundedLog

IMAGE = os.environ.get("AUTORESEARCH_IMAGE", "autoresearch-sandbox:latest")
TORCH_PYTHON = os.environ.get("AUTORESEARCH_TORCH_PYTHON", "")
PAYLOADS = Path(__file__).parent / "payloads"
TAG = f"tests-gpu-{os.getpid()}"


class Running(Protocol):
    """A program that has imported the framework and waits for the word to go."""

    @property
    def identity(self) -> str:
        """What stands in the cgroups of its processes."""

    def go(self, seconds: float = 300.0) -> dict[str, Any]:
        """Let it work to its end; the JSON object that it printed last."""


def said(output: str) -> dict[str, Any]:
    lines = [line for line in output.splitlines() if line.startswith("{")]
    assert lines, output[-4000:]
    found: dict[str, Any] = json.loads(lines[-1])
    return found


@dataclass
class SealedProgram:
    """A program in a container that gets everything a candidate gets, and no more."""

    container: Container

    @property
    def identity(self) -> str:
        return self.container.identity

    def go(self, seconds: float = 300.0) -> dict[str, Any]:
        log, deadline = BoundedLog(1 << 20), time.monotonic() + seconds
        try:
            self.container.stream.give(b"go\n", deadline)
            ended = self.container.stream.drain(log, deadline)
            assert ended, log.text()
        finally:
            self.container.remove()
        return said(log.text())


@dataclass
class BareProgram:
    """A program in a process of this machine."""

    process: subprocess.Popen[str]

    @property
    def identity(self) -> str:
        return Path(f"/proc/{self.process.pid}/cgroup").read_text().strip()

    def go(self, seconds: float = 300.0) -> dict[str, Any]:
        return said(self.process.communicate("go\n", timeout=seconds)[0])


@dataclass(frozen=True)
class Sealed:
    """Starts programs in containers."""

    engine: Engine
    outfit: Outfit
    volume: str

    def start(self, payload: str, *arguments: str) -> Running:
        text = (PAYLOADS / f"{payload}.py").read_text(encoding="utf-8")
        body = container_body(self.outfit, "serve", out_volume=self.volume)
        body |= {"Entrypoint": ["python3", "-c"], "Cmd": [text, *arguments]}
        container = launch(self.engine, body, f"{TAG}-{payload}-{time.monotonic_ns()}")
        container.await_ready(300.0)
        return SealedProgram(container)


class Bare:
    """Starts programs as processes."""

    def start(self, payload: str, *arguments: str) -> Running:
        process = subprocess.Popen(
            [TORCH_PYTHON, str(PAYLOADS / f"{payload}.py"), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "autoresearch ready\n"
        return BareProgram(process)


@pytest.fixture(scope="session")
def gpu() -> Gpu:
    """The card to test: the pinned one, else the first. Skips where there is none."""
    pinned = os.environ.get("AUTORESEARCH_GPU", "")
    cards = [card for card in find_gpus() if pinned in ("", card.identity) and card.split != "card"]
    if not cards:
        pytest.skip("this machine has no graphics card")
    return cards[0]


@pytest.fixture(scope="session")
def probe(gpu: Gpu) -> Iterator[Probe]:
    probe = Probe([sys.executable, "-m", "orchestrator.sandbox.probe", gpu.identity])
    yield probe
    probe.close()


@pytest.fixture
def card(gpu: Gpu, probe: Probe) -> WatchedCard:
    return WatchedCard(gpu.identity, probe)


@pytest.fixture(scope="session")
def grant(gpu: Gpu) -> Grant:
    """The card as the engine grants it. Skips where no engine can."""
    try:
        facts = Engine.connect().facts()
        return choose_grant(
            gpu.vendor, [gpu], runtimes=facts.runtimes, cdi_devices=facts.cdi_devices, pinned=gpu.identity
        )
    except OrchestratorError as error:
        pytest.skip(f"no engine can grant the card: {error}")


@pytest.fixture(scope="session")
def sealed(grant: Grant) -> Iterator[Sealed]:
    yield from open_sealed(grant)


def open_sealed(grant: Grant) -> Iterator[Sealed]:
    """A place for programs in containers that get what `grant` says."""
    engine, policy = Engine.connect(), SandboxPolicy(memory_mib=16_384, cpus=2.0)
    labels = {RUN_LABEL: TAG, OWNER_LABEL: owner_of(os.getpid())}
    seccomp = SECCOMP.read_text(encoding="utf-8")
    outfit = Outfit(engine.image_id(IMAGE), policy, seccomp, policy.cpus, labels, grant=grant)
    engine.create_volume(TAG, output_options(policy), labels)
    yield Sealed(engine, outfit, TAG)
    engine.remove_volume(TAG)


@pytest.fixture(scope="session")
def bare(gpu: Gpu) -> Bare:  # noqa: ARG001 - first of all there must be a card
    if not TORCH_PYTHON:
        pytest.skip("AUTORESEARCH_TORCH_PYTHON names no Python with the framework")
    return Bare()


@pytest.fixture(params=["sealed", "bare"])
def place(request: pytest.FixtureRequest) -> Sealed | Bare:
    found: Sealed | Bare = request.getfixturevalue(request.param)
    return found
