"""What happens around a run while it trains: the disk fills up, the wall clock jumps."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.data import DataFolder
from orchestrator.sandbox.engine import Engine
from tests.docker.conftest import candidate
from tests.docker.workshop import Workshop, set_up

pytestmark = pytest.mark.docker

JUMPING_CLOCK = Path(__file__).parent / "payloads" / "jumping_clock.c"
SLOW = candidate("honest").replace(
    "model, loss = train()", "import time; time.sleep(4); model, loss = train()"
)
RUN = ["run", "--tag", "weather", "--proposer", "replay:proposals", "--experiments"]


@pytest.fixture
def workshop(tmp_path: Path, data: DataFolder, engine: Engine) -> Workshop:
    set_up(tmp_path, SLOW, [SLOW.replace("sleep(4)", "sleep(4.5)")])
    return Workshop(tmp_path, data.path, engine)


@pytest.fixture
def small_disk(workshop: Workshop) -> Iterator[Path]:
    """The runs lie on a file system of their own, with just the room that a start asks for."""
    workshop.runs.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300m", "none", str(workshop.runs)], check=True)
    yield workshop.runs
    subprocess.run(["umount", "--lazy", str(workshop.runs)], check=True)


def fill(disk: Path) -> Path:
    """Take the last byte of a disk."""
    filler = disk / "filler"
    with filler.open("wb") as stream:
        free = os.statvfs(disk)
        stream.write(bytes(free.f_bavail * free.f_bsize))
    assert os.statvfs(disk).f_bavail == 0
    return filler


def test_a_disk_that_fills_up_while_it_trains_stops_the_run_and_costs_no_attempt(
    workshop: Workshop, small_disk: Path
) -> None:
    started = workshop.start(*RUN, "2")
    started.await_line("training")
    filler = fill(small_disk)
    code, output = started.end()
    assert code == 6, output
    remedy = output.splitlines()[-1]
    assert (
        remedy == "  remedy: free space on the disk of the run folder, then start the run again: it goes on"
    )
    assert workshop.leftovers("weather") == []
    filler.unlink()
    again = workshop.call(*RUN, "2")
    assert again.returncode == 0, again.stderr
    closed = workshop.closed("weather")
    assert [event["number"] for event in closed] in ([1, 2], [1, 2, 3]), "nothing is lost or counted twice"
    assert {event["status"] for event in closed} == {"scored"}
    verified = workshop.call("audit", "verify", "--tag", "weather")
    assert verified.returncode == 0, verified.stderr


@pytest.mark.skipif(not shutil.which("cc"), reason="there is no C compiler")
def test_a_wall_clock_that_jumps_moves_no_deadline_and_breaks_no_chain(workshop: Workshop) -> None:
    library, shift = workshop.folder / "jumping_clock.so", workshop.folder / "shift"
    compiled = ["cc", "-shared", "-fPIC", "-o", str(library), str(JUMPING_CLOCK), "-ldl"]
    subprocess.run(compiled, check=True)
    shift.write_text("0")
    jumping = {"LD_PRELOAD": str(library), "CLOCK_SHIFT": str(shift)}
    started = replace(workshop, extra_environment=jumping).start(*RUN, "2")
    started.await_line("training")
    shift.write_text("3600")
    started.await_line("training")
    shift.write_text("-3600")
    code, output = started.end()
    assert code == 0, output
    closed = workshop.closed("weather")
    assert [event["status"] for event in closed] == ["scored", "scored"]
    runs = [event["run"] for event in workshop.events("weather") if event["event"] == "attempt_measured"]
    assert all(run["train_seconds"] < 60 for run in runs)
    hours = [event["time"][:13] for event in workshop.events("weather")]
    assert len(set(hours)) >= 3, f"the clock did not jump: {hours}"
    assert workshop.call("audit", "verify", "--tag", "weather").returncode == 0
