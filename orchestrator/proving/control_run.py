"""Runs a program where what stops it is taken away, and says whether it succeeded there."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from orchestrator.errors import SandboxError
from orchestrator.proving.controls import Places, lifted
from orchestrator.proving.expectation import report_of
from orchestrator.proving.naive import believe
from orchestrator.proving.program import Program
from orchestrator.sandbox.container import Outfit, container_body
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.launch import Container
from orchestrator.sandbox.order import Shape, order_message
from orchestrator.sandbox.stream import BoundedLog

START_SECONDS = 60.0
RUN_SECONDS = 15.0
HANG_SECONDS = 2.0
LOG_BYTES = 64 * 1024
DRIVERS = {
    "model": "import program\n\ndef main():\n    program.build_model({})\n",
    "naive reader": (
        "import naive\nimport probe\nimport program\n\n"
        "def main():\n    program.main()\n    probe.attempting(naive.read_output)()\n"
    ),
    "same container": "import program\n\ndef main():\n    program.main()\n    program.main()\n",
}


@dataclass(frozen=True, slots=True)
class ControlSeen:
    """Whether the program succeeded where nothing stops it, and what it got."""

    succeeded: bool
    evidence: str


def run_control(
    engine: Engine, outfit: Outfit, program: Program, places: Places, shared: Mapping[str, str]
) -> ControlSeen:
    """Never raises for what the program does; an engine that cannot run the control is a failed control."""
    if program.control.kind == "naive record":
        return ControlSeen(*believe(program.control.form, program))
    outfit = replace(outfit, framework=program.framework)
    body = lifted(container_body(outfit, outfit.training, out_volume="none"), _lifts(program), places)
    body["HostConfig"]["Runtime"] = "runc"
    identity = ""
    try:
        identity = engine.create(body, f"autoresearch-control-{secrets.token_hex(6)}")
        stream = engine.attach(identity)
        engine.start(identity)
        container = Container(engine, identity, "control", stream, "")
        container.await_ready(START_SECONDS)
        return _observe(engine, container, program, shared)
    except SandboxError as error:
        return ControlSeen(False, f"the control did not run: {error.message}")
    finally:
        if identity:
            engine.remove(identity)


def _lifts(program: Program) -> tuple[str, ...]:
    lifts = program.control.lifts
    return lifts if "output" in lifts else ("plain output", *lifts)


def _observe(
    engine: Engine, container: Container, program: Program, shared: Mapping[str, str]
) -> ControlSeen:
    shape = Shape("train.py", 64, "cpu")
    order = order_message(shape, _files(program, shared), mode="train", seconds=RUN_SECONDS)
    log, began = BoundedLog(LOG_BYTES), time.monotonic()
    container.stream.give(order, began + RUN_SECONDS)
    if program.control.kind == "outlives":
        return _outlives(engine, container, log)
    patience = HANG_SECONDS if program.control.kind == "naive reader" else RUN_SECONDS
    ended = container.stream.drain(log, began + patience)
    report = report_of(log.text())
    if "got" in report:
        return ControlSeen(True, str(report["got"]))
    if not ended and program.control.kind == "naive reader":
        return ControlSeen(True, f"the reader still waited after {patience:g} s")
    lines = [line for line in log.text().splitlines() if line.strip()]
    return ControlSeen(False, str(dict(report) or (lines[-1] if lines else "it said nothing")))


def _outlives(engine: Engine, container: Container, log: BoundedLog) -> ControlSeen:
    container.stream.drain(log, time.monotonic() + 1.0)
    engine.signal(container.identity, "SIGTERM")
    container.stream.drain(log, time.monotonic() + 1.0)
    alive = engine.wait_exit(container.identity, 0.0) is None
    return ControlSeen(alive, "still ran a second after TERM" if alive else "ended when asked to")


def _files(program: Program, shared: Mapping[str, str]) -> dict[str, str]:
    kind = "model" if program.container == "model" and not program.again else program.control.kind
    driver = DRIVERS.get(kind)
    if driver is None:
        return {**shared, "train.py": program.source}
    return {**shared, "train.py": driver, "program.py": program.source}
