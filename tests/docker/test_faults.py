"""The engine goes away and comes back while the program works."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.data import DataFolder
from orchestrator.sandbox.engine import Engine
from tests.docker.conftest import candidate
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
    assert workshop.await_no_leftovers("fault") == []


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
