"""Agents from outside against the real program: real processes, real containers, real git."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from orchestrator.data import DataFolder
from orchestrator.sandbox.engine import Engine
from tests.agents.client import call, converse
from tests.docker.conftest import candidate
from tests.docker.workshop import POLICY, Workshop, set_up

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]
HONEST = candidate("honest")
BETTER = HONEST.replace("steps: int = 40", "steps: int = 400")
SLOW = HONEST.replace("model, loss = train()", "import time; time.sleep(50); model, loss = train()")
MORE_STEPS = {"path": "train.py", "search": "steps: int = 40", "replace": "steps: int = 400"}
AT_EASE = "metric: {load_seconds: 120.0, frame_seconds: 60.0, score_seconds: 240.0}\n"


def workshop_of(folder: Path, template: str, data: DataFolder, engine: Engine) -> Workshop:
    """With time enough on a busy machine."""
    set_up(folder, template)
    (folder / "policy.yaml").write_text(POLICY + AT_EASE)
    return Workshop(folder, data.path, engine)


def test_an_agent_sees_the_run_is_objected_to_proposes_and_is_kept(
    tmp_path: Path, data: DataFolder, engine: Engine
) -> None:
    workshop = workshop_of(tmp_path, HONEST, data, engine)

    async def talk(client: Client) -> None:
        state = await call(client, "state")
        assert "Lower the metric." in state["agenda"]
        assert "You may edit only: train.py" in state["rules"]
        assert state["best"]["files"] == {"train.py": HONEST}
        broken = {**MORE_STEPS, "replace": "steps: int = ("}
        refused = await call(client, "submit", title="half an edit", hypothesis="", edits=[broken])
        assert not refused["accepted"]
        assert "[syntax]" in refused["objections"][0]
        good = await call(client, "submit", title="more steps", hypothesis="it helps", edits=[MORE_STEPS])
        assert good["accepted"]
        found: dict[str, Any] = {"decided": False}
        while not found["decided"]:
            found = await call(client, "experiment", wait_seconds=30.0)
        assert found["decision"]["action"] == "keep"
        state = await call(client, "state")
        assert state["best"]["value"] == found["score"]["value"]

    command = workshop.command("mcp", "--tag", "agent", "--hours", "1")
    converse(command, talk, tmp_path / "log", environment=workshop.environment(), folder=tmp_path)
    assert workshop.await_no_leftovers("agent") == []
    events = workshop.events("agent")
    named = {event["event"]: event["proposer"] for event in events if "proposer" in event}
    assert named["night_began"] == "mcp"
    assert named["proposal_refused"] == named["attempt_opened"] == "mcp:claude-code"
    assert workshop.best_source("agent") == BETTER
    verified = workshop.call("audit", "verify", "--tag", "agent")
    assert verified.returncode == 0, verified.stderr


def test_a_killed_client_leaves_no_container_and_a_whole_record(
    tmp_path: Path, data: DataFolder, engine: Engine
) -> None:
    workshop, log = workshop_of(tmp_path, SLOW, data, engine), tmp_path / "log"
    command = workshop.command("mcp", "--tag", "killed", "--hours", "1")
    client = subprocess.Popen(
        [sys.executable, "-m", "tests.agents.client", str(log), str(tmp_path), *command],
        cwd=ROOT,
        env={**os.environ, **workshop.environment()},
    )
    deadline = time.monotonic() + 120
    while not (log.exists() and "training" in log.read_text() and workshop.leftovers("killed")):
        assert client.poll() is None, log.read_text()
        assert time.monotonic() < deadline, "nothing runs that must go"
        time.sleep(0.2)
    client.send_signal(signal.SIGKILL)
    client.wait()
    assert workshop.await_no_leftovers("killed", 30.0) == []
    verified = workshop.call("audit", "verify", "--tag", "killed")
    assert verified.returncode == 0, verified.stderr
    assert "attempt_closed" not in {event["event"] for event in workshop.events("killed")}


def test_a_tried_file_becomes_an_attempt_of_the_run_and_is_decided(
    tmp_path: Path, data: DataFolder, engine: Engine
) -> None:
    workshop = workshop_of(tmp_path, HONEST, data, engine)
    (tmp_path / "better.py").write_text(BETTER)
    (tmp_path / "broken.py").write_text(HONEST.replace("def main", "def main("))
    done = workshop.call(
        "try", "better.py", "--tag", "tried", "--as", "codex\x1b[2J", "--json", timeout=600.0
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert set(report) == {"verdict", "run", "score", "decision", "attempt", "best"}
    assert (report["attempt"], report["decision"]["action"]) == (2, "keep")
    assert report["best"] == {"attempt": 2, "value": report["score"]["value"]}
    refused = workshop.call("try", "broken.py", "--tag", "tried", "--json")
    assert refused.returncode == 1, refused.stderr
    report = json.loads(refused.stdout)
    assert report["verdict"]["objections"][0]["code"] == "syntax"
    assert (report["attempt"], report["decision"]["action"], report["score"]) == (3, "discard", None)
    opened = [e["proposer"] for e in workshop.events("tried") if e["event"] == "attempt_opened"]
    assert opened == ["template", "try:codex-2J", "try"]
    assert workshop.call("audit", "verify", "--tag", "tried").returncode == 0
    assert workshop.leftovers("tried") == []


def test_neither_a_file_nor_an_agent_gets_into_a_run_that_is_in_use(
    tmp_path: Path, data: DataFolder, engine: Engine
) -> None:
    workshop = workshop_of(tmp_path, SLOW, data, engine)
    (tmp_path / "better.py").write_text(BETTER)
    night = workshop.start("run", "--tag", "used", "--proposer", "tuner", "--experiments", "1")
    night.await_line("training")
    tried = workshop.call("try", "better.py", "--tag", "used", "--json")
    served = workshop.call("mcp", "--tag", "used")
    night.signal(signal.SIGKILL)
    night.end()
    for done in (tried, served):
        assert (done.returncode, done.stdout) == (2, "")
        assert "run used is already in progress" in done.stderr
    assert workshop.await_no_leftovers("used") == []


def test_words_that_only_a_run_or_only_a_single_try_has_are_refused(
    tmp_path: Path, data: DataFolder, engine: Engine
) -> None:
    workshop = workshop_of(tmp_path, HONEST, data, engine)
    for words in (["--as", "me"], ["--tag", "x", "--seed", "3"], ["--tag", "../x"]):
        done = workshop.call("try", "task/train.py", *words)
        assert done.returncode == 2, done.stderr
        assert "remedy:" in done.stderr
    assert not workshop.runs.exists()
