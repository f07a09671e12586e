"""The engine itself is stopped and started while the program works: a real dockerd, one of its own."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.data import DataFolder
from orchestrator.sandbox.engine import Engine
from tests.docker.conftest import candidate
from tests.docker.private_engine import PrivateEngine
from tests.docker.workshop import Workshop, set_up

pytestmark = pytest.mark.docker

SLOW = candidate("honest").replace(
    "model, loss = train()", "import time; time.sleep(4); model, loss = train()"
)
RUN = ["run", "--tag", "restart", "--proposer", "replay:proposals", "--experiments", "1"]


@pytest.fixture
def workshop(tmp_path: Path, data: DataFolder, private: PrivateEngine) -> Iterator[Workshop]:
    set_up(tmp_path, SLOW, [SLOW.replace("sleep(4)", "sleep(4.5)")])
    host = f"unix://{private.socket}"
    policy = tmp_path / "policy.yaml"
    policy.write_text(policy.read_text().replace("outage_seconds: 2.0", "outage_seconds: 60.0"))
    engine = Engine.connect(host)
    yield Workshop(tmp_path, data.path, engine, extra_environment={"DOCKER_HOST": host})
    engine.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("moment", ["training", "scoring"])
def test_a_restart_of_the_engine_costs_a_repeat_and_never_a_score(
    workshop: Workshop, private: PrivateEngine, moment: str, number: signal.Signals
) -> None:
    started = workshop.start(*RUN)
    started.await_line(moment)
    private.stop(number)
    private.start()
    code, output = started.end(timeout=240)
    assert code == 0, output
    if (moment, number) != ("scoring", signal.SIGTERM):  # an engine that ends in order lets streams end
        assert "fault_occurred" in [event["event"] for event in workshop.events("restart")]
    assert [(e["number"], e["status"]) for e in workshop.closed("restart")] == [(1, "scored")]
    assert workshop.await_no_leftovers("restart", seconds=60) == []
    assert workshop.call("audit", "verify", "--tag", "restart").returncode == 0
