"""The engine goes away and comes back while the program works."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.data import DataFolder
from orchestrator.proving.text import write_bytes_as_tokens
from orchestrator.sandbox.container import RUN_LABEL
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.volumes import data_volume_name
from tests.docker.conftest import candidate, training_files
from tests.docker.engine_proxy import EngineProxy
from tests.docker.workshop import Workshop, set_up

pytestmark = pytest.mark.docker

SLEEP = "import time; time.sleep(4); "
SLOW = candidate("honest").replace("model, loss = train()", f"{SLEEP}model, loss = train()")
RUN = ["run", "--tag", "fault", "--proposer", "replay:proposals", "--experiments"]


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[EngineProxy]:
    with EngineProxy(tmp_path / "engine.sock") as proxy:
        yield proxy


@pytest.fixture
def workshop(tmp_path: Path, data: DataFolder, engine: Engine, proxy: EngineProxy) -> Workshop:  # noqa: ARG001
    set_up(tmp_path, SLOW, [SLOW.replace("sleep(4)", "sleep(4.5)")])
    through_the_proxy = {"DOCKER_HOST": f"unix://{tmp_path / 'engine.sock'}"}
    return replace(Workshop(tmp_path, data.path, engine), extra_environment=through_the_proxy)


@pytest.mark.parametrize("moment", ["training", "scoring"])
def test_an_engine_that_comes_back_costs_a_repeat_and_never_a_score(
    workshop: Workshop, proxy: EngineProxy, moment: str
) -> None:
    started = workshop.start(*RUN, "1")
    started.await_line(moment)
    proxy.cut()
    time.sleep(1)
    proxy.restore()
    code, output = started.end()
    assert code == 0, output
    events = [event["event"] for event in workshop.events("fault")]
    assert "fault_occurred" in events
    assert [event["status"] for event in workshop.closed("fault")] == ["scored"]
    assert workshop.await_no_leftovers("fault") == [], output


@pytest.mark.parametrize("kind", ["train", "serve", "witness"])
def test_a_container_whose_making_was_never_answered_is_removed_all_the_same(
    workshop: Workshop, proxy: EngineProxy, kind: str
) -> None:
    proxy.lose_answer(f"POST /[^ ]*containers/create.name=autoresearch-{kind}")
    started = workshop.start(*RUN, "1")
    proxy.await_cut()
    time.sleep(1)
    proxy.restore()
    code, output = started.end()
    assert code == 0, output
    assert "fault_occurred" in [event["event"] for event in workshop.events("fault")]
    assert [event["status"] for event in workshop.closed("fault")] == ["scored"]
    assert workshop.leftovers("fault") == [], output


@pytest.mark.parametrize("seconds_away", [0.0, 1.0])
def test_an_engine_that_blinks_during_the_smoke_test_is_no_objection(
    workshop: Workshop, proxy: EngineProxy, engine: Engine, seconds_away: float
) -> None:
    policy = workshop.folder / "policy.yaml"
    policy.write_text(policy.read_text().replace("smoke: false", "smoke: true"))
    started = workshop.start(*RUN, "1")
    started.await_line("baseline")
    await_containers(engine, 1)
    time.sleep(3)
    proxy.cut()
    time.sleep(seconds_away)
    proxy.restore()
    code, output = started.end()
    assert code == 0, output
    if seconds_away:  # a blink may pass between two questions, and then the test's own exit code counts
        assert "fault_occurred" in [event["event"] for event in workshop.events("fault")]
    assert [event["status"] for event in workshop.closed("fault")] == ["scored"]


def test_an_engine_that_stays_away_pauses_the_run_and_the_attempt_is_run_later(
    workshop: Workshop, proxy: EngineProxy
) -> None:
    started = workshop.start(*RUN, "1")
    started.await_line("training")
    proxy.cut()
    code, output = started.end()
    assert code == 4, output
    assert "remedy:" in output
    assert workshop.closed("fault") == []
    assert [e["event"] for e in workshop.events("fault")].count("fault_occurred") == 2
    proxy.restore()
    again = workshop.call(*RUN, "1")
    assert again.returncode == 0, again.stderr
    assert [event["status"] for event in workshop.closed("fault")] == ["scored"]
    assert workshop.await_no_leftovers("fault") == []
    assert workshop.call("audit", "verify", "--tag", "fault").returncode == 0


def await_containers(engine: Engine, count: int) -> list[str]:
    """The containers of the run, once a pair trains and the next one is warm."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = [str(container["Id"]) for container in engine.containers(f"{RUN_LABEL}=fault")]
        if len(found) >= count:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{count} containers did not come")


def test_a_data_volume_that_was_taken_away_is_never_a_candidates_fault(
    workshop: Workshop, tmp_path: Path, engine: Engine
) -> None:
    data = write_bytes_as_tokens(tmp_path / "own", everywhere=b"a volume that only this test uses")
    workshop = replace(workshop, data=data.path)
    started = workshop.start(*RUN, "1")
    started.await_line("training")
    containers = await_containers(engine, 4)
    mounts = [mount for each in containers for mount in engine.inspect(each)["Mounts"]]
    for container in containers:
        engine.remove(container)
    engine.remove_volume(next(m["Name"] for m in mounts if m["Destination"] == "/data"))
    code, output = started.end()
    assert code == 4, output
    assert "was removed or replaced" in output
    assert workshop.closed("fault") == []
    again = workshop.call(*RUN, "1")
    assert again.returncode == 0, again.stderr
    engine.remove_volume(data_volume_name(training_files(data)))


def test_a_guard_that_is_stopped_does_not_keep_the_run_from_ending(workshop: Workshop) -> None:
    started = workshop.start(*RUN, "1")
    started.await_line("training")
    find = ["pgrep", "-P", str(started.process.pid), "-f", "ownership"]
    found = subprocess.run(find, capture_output=True, text=True, check=True).stdout
    os.kill(int(found.split()[0]), signal.SIGSTOP)
    code, output = started.end(timeout=150)
    assert code == 0, output
    assert workshop.leftovers("fault") == []
