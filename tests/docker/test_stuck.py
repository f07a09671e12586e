"""Containers that cannot be ended, that somebody paused, and a guard that dies: never a score."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.data import DataFolder
from orchestrator.errors import SandboxError, StuckContainer
from orchestrator.policy import BudgetPolicy
from orchestrator.sandbox.container import DEVICE_LABEL, RUN_LABEL, Outfit, container_body, output_options
from orchestrator.sandbox.engine import REMOVE_SECONDS, Engine
from orchestrator.sandbox.launch import launch
from orchestrator.sandbox.ownership import OWNER_LABEL, Guard, owner_of
from orchestrator.sandbox.pair import fault_of
from orchestrator.sandbox.quarantine import Quarantine
from tests.docker.conftest import Station, attempt_of, candidate, open_station
from tests.docker.engine_proxy import EngineProxy
from tests.docker.private_engine import PrivateEngine
from tests.docker.workshop import Workshop, set_up

pytestmark = pytest.mark.docker

ENDING = r"(DELETE|POST) /v[0-9.]+/containers/{}(/kill)?[ ?]"
RUN = ["run", "--tag", "stuck", "--proposer", "replay:proposals", "--experiments"]


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[EngineProxy]:
    with EngineProxy(tmp_path / "engine.sock") as proxy:
        yield proxy


@pytest.fixture
def behind(tmp_path: Path, proxy: EngineProxy) -> Iterator[Engine]:  # noqa: ARG001 - it must listen
    engine = Engine.connect(f"unix://{tmp_path / 'engine.sock'}")
    yield engine
    engine.close()


@pytest.fixture
def alone(private: PrivateEngine) -> Iterator[Engine]:
    """An engine that no other test reaps."""
    engine = Engine.connect(f"unix://{private.socket}")
    yield engine
    engine.close()


@pytest.fixture
def volume(engine: Engine, outfit: Outfit) -> Iterator[str]:
    name = f"autoresearch-out-{os.getpid()}"
    engine.create_volume(name, output_options(outfit.policy), outfit.labels)
    yield name
    engine.remove_volume(name)


def train_container(workshop: Workshop, tag: str) -> str:
    """The train container that was made first: the one that trains now."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = workshop.engine.containers(f"{RUN_LABEL}={tag}")
        train = [each for each in found if "-train-" in each["Names"][0]]
        if train:
            return str(min(train, key=lambda each: int(each["Created"]))["Id"])
        time.sleep(0.1)
    raise AssertionError("no train container came")


def test_a_container_that_cannot_be_ended_raises_the_alarm_and_bars_its_device_until_it_is_gone(
    tmp_path: Path, data: DataFolder, private: PrivateEngine, alone: Engine
) -> None:
    set_up(tmp_path, candidate("ignores_term"), [candidate("honest")])
    policy = tmp_path / "policy.yaml"
    policy.write_text(policy.read_text().replace("train_seconds: 60.0", "train_seconds: 4.0"))
    through_the_proxy = {"DOCKER_HOST": f"unix://{tmp_path / 'engine.sock'}"}
    workshop = Workshop(tmp_path, data.path, alone, extra_environment=through_the_proxy)
    with EngineProxy(tmp_path / "engine.sock", str(private.socket)) as proxy:
        _raise_the_alarm_and_lift_it(workshop, proxy)


def _raise_the_alarm_and_lift_it(workshop: Workshop, proxy: EngineProxy) -> None:
    started = workshop.start(*RUN, "1")
    started.await_line("training")
    stuck = train_container(workshop, "stuck")
    proxy.swallow(ENDING.format(stuck))
    began = time.monotonic()
    code, output = started.end()
    assert code == 4, output
    assert time.monotonic() - began < 90, "deadline, one hung call, removal, and the guard's own try"
    alarm, remedy = output.splitlines()[-2:]
    assert alarm.startswith(f"autoresearch: ALARM: container {stuck[:12]} cannot be ended, cpu is in quar")
    assert remedy.startswith("  remedy: see to cpu") and "autoresearch reap" in remedy  # noqa: PT018 - one line
    told = [event for event in workshop.events("stuck") if event["event"] == "device_quarantined"]
    assert [(event["device"], event["container"]) for event in told] == [("cpu", stuck)]
    assert workshop.closed("stuck") == [], "a fault of ours is never a score"
    refused = workshop.call(*RUN, "1")
    assert (refused.returncode, "cpu is in quarantine" in refused.stderr) == (2, True), refused.stderr
    assert workshop.call("reap").returncode == 4, "it still cannot be ended"
    assert workshop.call(*RUN, "1").returncode == 2
    proxy.swallow("")
    freed = workshop.call("reap")
    assert (freed.returncode, "cpu is out of quarantine" in freed.stdout) == (0, True), freed.stderr
    assert workshop.leftovers("stuck") == []
    again = workshop.call(*RUN, "1")
    assert "timed_out" in again.stderr + again.stdout, "the attempt was run once more, to its real end"
    assert [event["number"] for event in workshop.closed("stuck")] == [1]
    assert workshop.call("audit", "verify", "--tag", "stuck").returncode == 0


def test_a_hung_removal_ends_within_its_limit_and_names_the_device(
    behind: Engine, proxy: EngineProxy, outfit: Outfit, volume: str, tmp_path: Path
) -> None:
    marked = replace(outfit, labels={**outfit.labels, DEVICE_LABEL: "GPU-1"})
    container = launch(behind, container_body(marked, "hold", out_volume=volume), f"stuck-{os.getpid()}")
    quarantine = Quarantine(tmp_path, behind)
    proxy.swallow(ENDING.format(container.identity))
    began = time.monotonic()
    with pytest.raises(StuckContainer) as alarm, quarantine.noting():
        container.remove()
    assert REMOVE_SECONDS <= time.monotonic() - began < REMOVE_SECONDS + 15
    assert (alarm.value.device, alarm.value.container) == ("GPU-1", container.identity)
    assert quarantine.notes() == {container.identity: "GPU-1"}
    assert quarantine.lift() == []
    quarantine.check("cpu")
    with pytest.raises(SandboxError):
        container.remove()
    proxy.swallow("")
    container.remove()
    assert quarantine.lift() == ["GPU-1"]
    assert quarantine.notes() == {}


def test_an_engine_that_answers_nothing_at_all_is_no_stuck_container(
    behind: Engine, proxy: EngineProxy, engine: Engine, outfit: Outfit, volume: str
) -> None:
    body = container_body(outfit, "hold", out_volume=volume)
    container = launch(behind, body, f"unreachable-{os.getpid()}")
    proxy.swallow("[A-Z]+ ")
    kind = type(fault_of(container.remove))
    engine.remove(container.identity)
    assert kind is SandboxError


@pytest.fixture
def brief(engine: Engine, outfit: Outfit, data: DataFolder) -> Iterator[Station]:
    budget = BudgetPolicy(train_seconds=4.0, save_seconds=1.0, grace_seconds=0.5, smoke=False)
    with open_station(engine, outfit, data, budget) as station:
        yield station


@pytest.mark.parametrize("runtime", ["runc", "runsc"])
def test_a_container_that_somebody_paused_is_ended_and_is_our_fault(
    brief: Station, outfit: Outfit, data: DataFolder, runtime: str
) -> None:
    if runtime not in brief.engine.facts().runtimes:
        pytest.skip(f"the engine has no runtime {runtime}")
    tiered = replace(outfit, policy=outfit.policy.model_copy(update={"runtime": runtime}))
    with open_station(brief.engine, tiered, data, brief.budget) as station:
        pauser = threading.Thread(target=pause_the_training, args=(station,))
        pauser.start()
        with pytest.raises(SandboxError, match="was paused by another hand"):
            station.sandbox.run(attempt_of(candidate("ignores_term")))
        pauser.join()
        assert station.leftovers() == []


def pause_the_training(station: Station) -> None:
    """Pause the train container as soon as a second one is warmed beside it: then it trains."""
    mine = f"{RUN_LABEL}={station.outfit.labels[RUN_LABEL]}"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        train = [each for each in station.engine.containers(mine) if "-train-" in each["Names"][0]]
        models = [each for each in station.engine.containers(mine) if "-serve-" in each["Names"][0]]
        if len(models) > 1:
            first = min(train, key=lambda each: int(each["Created"]))
            subprocess.run(["docker", "pause", first["Id"]], check=True, capture_output=True)
            return
        time.sleep(0.05)


def test_a_guard_that_dies_is_replaced_and_the_next_one_still_reaps(
    engine: Engine, outfit: Outfit, volume: str
) -> None:
    labels = {RUN_LABEL: f"guarded-{os.getpid()}", OWNER_LABEL: owner_of(os.getpid())}
    with Guard():
        first = guard_pid()
        os.kill(first, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while (second := guard_pid()) in {0, first} and time.monotonic() < deadline:
            time.sleep(0.1)
        assert second not in {0, first}
        body = container_body(replace(outfit, labels=labels), "hold", out_volume=volume)
        container = launch(engine, body, f"guarded-{os.getpid()}")
    container.stream.close()
    assert engine.containers(f"{RUN_LABEL}={labels[RUN_LABEL]}") == []


def guard_pid() -> int:
    """The guard of this very process, 0 when there is none that lives."""
    find = ["pgrep", "-P", str(os.getpid()), "-f", "sandbox.ownership"]
    found = subprocess.run(find, capture_output=True, text=True, check=False).stdout.split()
    alive = [int(pid) for pid in found if Path(f"/proc/{pid}/cmdline").read_bytes()]
    return alive[0] if alive else 0


def test_two_runs_at_once_work_and_each_reaps_only_its_own(
    tmp_path: Path, data: DataFolder, engine: Engine
) -> None:
    set_up(tmp_path, candidate("honest"), [candidate("honest").replace("= 40", "= 41")])
    workshop = Workshop(tmp_path, data.path, engine)
    words = [
        ["run", "--tag", tag, "--proposer", "replay:proposals", "--experiments"] for tag in ("one", "two")
    ]
    killed = workshop.start(*words[0], "2")
    other = workshop.start(*words[1], "2")
    killed.await_line("training")
    killed.signal(signal.SIGKILL)
    killed.end()
    assert workshop.await_no_leftovers("one", seconds=60) == []
    code, output = other.end(timeout=240)
    assert code == 0, output
    assert [event["status"] for event in workshop.closed("two")] == ["scored", "scored"]
    again = workshop.call(*words[0], "2")
    assert again.returncode == 0, again.stderr
    assert [event["number"] for event in workshop.closed("one")] == [1, 2]
    assert workshop.leftovers("one") == workshop.leftovers("two") == []
