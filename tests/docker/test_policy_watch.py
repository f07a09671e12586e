"""A policy that is edited while a night goes on: tighter counts from the next attempt on, looser never."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.data import DataFolder
from orchestrator.sandbox.engine import Engine
from tests.docker.conftest import candidate
from tests.docker.workshop import POLICY, Workshop, set_up

pytestmark = pytest.mark.docker

HONEST = candidate("honest")
PROPOSALS = [HONEST.replace("= 40", f"= {steps}") for steps in (39, 38, 37, 36)]


@pytest.fixture
def workshop(tmp_path: Path, data: DataFolder, engine: Engine) -> Workshop:
    set_up(tmp_path, HONEST, PROPOSALS)
    return Workshop(tmp_path, data.path, engine)


def test_a_tighter_policy_counts_from_the_next_attempt_and_a_looser_one_is_refused(
    workshop: Workshop,
) -> None:
    policy = workshop.folder / "policy.yaml"
    night = workshop.start("run", "--tag", "night", "--proposer", "replay:proposals", "--experiments", "4")
    night.await_line("0002  training")
    policy.write_text(POLICY.replace("pids: 256", "pids: 128"))
    night.await_line("the policy is tighter from the next attempt on: sandbox.pids: 256 -> 128")
    night.await_line("training")
    policy.write_text(POLICY.replace("pids: 256", "pids: 512"))
    code, said = night.end()
    assert code == 0, said
    assert "the edited policy is refused, and the old one stays: sandbox.pids: 128 -> 512" in said
    events = workshop.events("night")
    names = [event["event"] for event in events]
    assert names.count("night_began") == names.count("policy_tightened") == names.count("policy_refused") == 1
    configured = [event["train"] for event in events if event["event"] == "containers_configured"]
    assert ["--pids-limit=256" in flags for flags in configured] == [True, False]
    assert ["--pids-limit=128" in flags for flags in configured] == [False, True]
    assert "pids: 128" in (workshop.runs / "night" / "policy.yaml").read_text()
    configurations = [
        event["run"]["container"]["config_sha256"] for event in events if event["event"] == "attempt_measured"
    ]
    assert len(configurations) == 4, "a slot that the change took was given back"
    closed = workshop.closed("night")
    moved_on = [event for event in closed if "became the best meanwhile" in event["reason"]]  # a lucky keep
    statuses = [event["status"] for event in closed if event not in moved_on]
    assert statuses == ["scored"] * 4, "no attempt was lost, or made twice"
    verified = workshop.call("audit", "verify", "--tag", "night")
    assert verified.returncode == 0, verified.stdout
    assert workshop.leftovers("night") == []
