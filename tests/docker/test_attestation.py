"""An engine that makes another container than it was asked for: refused before it starts, nothing left."""

from __future__ import annotations

import copy
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import docker
import pytest

from orchestrator.errors import SandboxError
from orchestrator.sandbox import yardstick
from orchestrator.sandbox.container import ATTEMPT_LABEL, Mode, Outfit, container_body, output_options
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.launch import launch

pytestmark = pytest.mark.docker

Change = tuple[str, str, object]
MEDDLING: list[Change] = [
    ("HostConfig", "ReadonlyRootfs", False),
    ("HostConfig", "CapDrop", []),
    ("HostConfig", "CapAdd", ["SYS_PTRACE"]),
    ("HostConfig", "SecurityOpt", ["no-new-privileges"]),
    ("HostConfig", "PidsLimit", 0),
    ("HostConfig", "UTSMode", "host"),
    ("HostConfig", "IpcMode", "shareable"),
    ("HostConfig", "Privileged", True),
    ("HostConfig", "Binds", ["/etc:/host:ro"]),
    ("HostConfig", "CpusetCpus", "0"),
    ("HostConfig", "MaskedPaths", []),
    ("HostConfig", "AutoRemove", True),
    ("Config", "User", "0:0"),
    ("Config", "Cmd", ["stdlib"]),
    ("Config", "Env", ["HOME=/work"]),
]


class Meddler(Engine):
    """The real engine, given something else to make than what it was asked for."""

    change: Change

    def create(self, body: Mapping[str, Any], name: str) -> str:
        section, key, value = self.change
        changed = copy.deepcopy(dict(body))
        (changed if section == "Config" else changed[section])[key] = value
        return super().create(changed, name)


@pytest.fixture
def marked(outfit: Outfit) -> Outfit:
    """Containers that this one test can find again."""
    return replace(outfit, labels={**outfit.labels, ATTEMPT_LABEL: secrets.token_hex(6)})


@pytest.fixture
def volume(engine: Engine, marked: Outfit) -> Iterator[str]:
    name = f"autoresearch-attested-{secrets.token_hex(6)}"
    engine.create_volume(name, output_options(marked.policy), marked.labels)
    yield name
    engine.remove_volume(name)


def deeds(outfit: Outfit, since: float) -> list[str]:
    """What the engine did with a test's containers, in its own words."""
    client = docker.from_env()
    label = f"{ATTEMPT_LABEL}={outfit.labels[ATTEMPT_LABEL]}"
    filters = {"type": "container", "label": label}
    events = client.events(since=int(since), until=int(time.time()) + 1, filters=filters, decode=True)
    found = [str(event["Action"]) for event in events]
    client.close()
    return found


@pytest.mark.parametrize("change", MEDDLING, ids=lambda change: f"{change[1]}={change[2]}")
def test_a_container_that_is_not_the_one_asked_for_is_refused_before_it_starts(
    engine: Engine, marked: Outfit, volume: str, change: Change
) -> None:
    began, meddler = time.time(), Meddler.connect()
    assert isinstance(meddler, Meddler)
    meddler.change = change
    named = rf"another container than asked for: {change[0]}\.{change[1]}"
    body = container_body(marked, "bare", out_volume=volume)
    with pytest.raises(SandboxError, match=named) as refusal:
        launch(meddler, body, f"autoresearch-attested-{secrets.token_hex(6)}")
    meddler.close()
    assert refusal.value.exit_code == 4
    assert "cannot enforce the policy" in refusal.value.remedy
    assert engine.containers(f"{ATTEMPT_LABEL}={marked.labels[ATTEMPT_LABEL]}") == []
    assert deeds(marked, began) == ["create", "destroy"]


@pytest.mark.parametrize("mode", ["train", "smoke", "serve"])
def test_what_a_real_engine_makes_of_a_candidates_container_meets_every_published_check(
    engine: Engine, marked: Outfit, volume: str, mode: Mode
) -> None:
    body = container_body(marked, mode, out_volume=volume)
    container = engine.create(body, f"autoresearch-attested-{secrets.token_hex(6)}")
    try:
        assert yardstick.shortcomings(body, engine.inspect(container)) == []
    finally:
        engine.remove(container)
