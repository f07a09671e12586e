"""The whole program is killed at every boundary of its record; the next start loses and doubles nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.data import DataFolder
from orchestrator.ledger.folder import CRASH_POINTS
from orchestrator.sandbox.container import RUN_LABEL, Outfit, container_body, output_options
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.launch import Container, launch
from orchestrator.sandbox.ownership import OWNER_LABEL, owner_of
from tests.docker.conftest import candidate
from tests.docker.workshop import Workshop, set_up

pytestmark = pytest.mark.docker

PROGRAM = Path(__file__).with_name("killed_night.py")
HONEST = candidate("honest")
PROPOSALS = [HONEST.replace("= 40", f"= {steps}") for steps in (400, 41)]
RUN = ["run", "--tag", "killed", "--proposer", "replay:proposals", "--experiments", "1"]

# A run is created once. Everything else is walked in the second attempt, beside a measured baseline:
# "record" is told of run_resumed, night_began, containers_configured and night_ended, "resume" follows an
# earlier kill.
FRESH = [(step, 1) for step in CRASH_POINTS if step.startswith("create:")]
SECOND = [(step, 1) for step in CRASH_POINTS if step.startswith(("open:", "measure:", "close:"))]
RECORDS = [(step, n) for step in CRASH_POINTS if step.startswith("record:") for n in (1, 2, 3, 4)]
RESUMED = [(step, 1) for step in CRASH_POINTS if step.startswith("resume:")]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, data: DataFolder, engine: Engine) -> Workshop:
    """A run whose baseline is closed; each test works on a copy."""
    folder = tmp_path_factory.mktemp("measured")
    set_up(folder, HONEST, PROPOSALS)
    workshop = Workshop(folder, data.path, engine)
    done = workshop.call(*RUN)
    assert done.returncode == 0, done.stderr
    return workshop


@pytest.fixture
def workshop(tmp_path: Path, measured: Workshop) -> Workshop:
    shutil.copytree(measured.folder, tmp_path / "copy", symlinks=True)
    return replace(measured, folder=tmp_path / "copy")


@pytest.fixture(scope="module")
def neighbour(engine: Engine, outfit: Outfit) -> Iterator[Container]:
    """A container of another run, whose owner lives."""
    labels = {RUN_LABEL: f"neighbour-{os.getpid()}", OWNER_LABEL: owner_of(os.getpid())}
    volume = f"autoresearch-out-neighbour-{os.getpid()}"
    engine.create_volume(volume, output_options(outfit.policy), labels)
    body = container_body(replace(outfit, labels=labels), "hold", out_volume=volume)
    container = launch(engine, body, f"neighbour-{os.getpid()}")
    yield container
    container.remove()
    engine.remove_volume(volume)


def night_killed_at(workshop: Workshop, step: str, occurrence: int) -> None:
    """Run the night until that step; it must have been reached."""
    words = workshop.command(*RUN)[3:]
    command = [sys.executable, str(PROGRAM), step, str(occurrence), *words]
    environment = {**workshop.environment(), "PYTHONPATH": str(Path(__file__).parents[2])}
    died = subprocess.run(
        command,
        cwd=workshop.folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL, f"{step} was not reached:\n{died.stdout}{died.stderr}"


def assert_goes_on(workshop: Workshop, neighbour: Container) -> None:
    """What a dead run left is gone, the next start ends well, and each attempt is closed exactly once."""
    assert workshop.await_no_leftovers("killed", seconds=60) == []
    again = workshop.call(*RUN)
    assert again.returncode == 0, again.stderr
    verified = workshop.call("audit", "verify", "--tag", "killed")
    assert verified.returncode == 0, verified.stderr
    events = workshop.events("killed")
    opened = [event["number"] for event in events if event["event"] == "attempt_opened"]
    closed = workshop.closed("killed")
    assert opened == [event["number"] for event in closed] == list(range(1, len(opened) + 1))
    assert {event["status"] for event in closed[:2]} == {"scored"}, "our own death is never a verdict"
    later = {event["failure"].partition(":")[0] for event in closed[2:]}
    assert later <= {"", "refused"}, "replay begins anew: what is the best already is refused"
    assert workshop.leftovers("killed") == []
    assert neighbour.engine.inspect(neighbour.identity)["State"]["Running"]


@pytest.mark.parametrize(("step", "occurrence"), FRESH)
def test_a_kill_while_the_run_is_created_leaves_nothing_that_stands_in_the_way(
    workshop: Workshop, neighbour: Container, step: str, occurrence: int
) -> None:
    shutil.rmtree(workshop.runs)
    night_killed_at(workshop, step, occurrence)
    assert_goes_on(workshop, neighbour)


@pytest.mark.parametrize(("step", "occurrence"), SECOND + RECORDS)
def test_a_kill_at_any_boundary_loses_no_attempt_and_counts_none_twice(
    workshop: Workshop, neighbour: Container, step: str, occurrence: int
) -> None:
    night_killed_at(workshop, step, occurrence)
    assert_goes_on(workshop, neighbour)


@pytest.mark.parametrize(("step", "occurrence"), RESUMED)
def test_a_kill_while_an_attempt_is_taken_up_again_is_no_second_interruption_before_it_ran(
    workshop: Workshop, neighbour: Container, step: str, occurrence: int
) -> None:
    night_killed_at(workshop, "open:ref", 1)
    night_killed_at(workshop, step, occurrence)
    if step == "resume:begin":
        assert_goes_on(workshop, neighbour)
        return
    again = workshop.call(*RUN)
    assert again.returncode == 0, again.stderr
    assert workshop.call("audit", "verify", "--tag", "killed").returncode == 0
    closed = workshop.closed("killed")
    assert [event["number"] for event in closed] == [1, 2, 3]
    assert closed[1]["reason"] == "interrupted twice", (
        "whatever kills the program twice is not tried for ever"
    )


def test_every_boundary_is_walked() -> None:
    bound = {"bound:event"}  # no night is long enough here: tests/ledger/test_crashes.py walks it
    assert {step for step, _ in FRESH + SECOND + RECORDS + RESUMED} == set(CRASH_POINTS) - bound
