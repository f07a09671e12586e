"""The rehearsal on the real engine: it tells a container that is not the policy's, and leaves nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import pytest

from orchestrator.assembly import SECCOMP
from orchestrator.errors import SandboxError
from orchestrator.policy import SandboxPolicy
from orchestrator.sandbox.container import Outfit
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.ownership import OWNER_LABEL, owner_of
from orchestrator.sandbox.rehearsal import rehearse
from tests.docker.conftest import IMAGE


class Lenient(Engine):
    """An engine that forgets the read-only root of every container."""

    def create(self, body: Mapping[str, Any], name: str) -> str:
        return super().create({**body, "HostConfig": {**body["HostConfig"], "ReadonlyRootfs": False}}, name)


@pytest.fixture
def outfit(engine: Engine) -> Outfit:
    return Outfit(
        image=engine.image_id(IMAGE),
        policy=SandboxPolicy(memory_mib=512, cpus=1.0),
        seccomp=SECCOMP.read_text(encoding="utf-8"),
        cpus=1.0,
        labels={},
    )


def left_by_us(engine: Engine) -> list[str]:
    mine = f"{OWNER_LABEL}={owner_of(os.getpid())}"
    names = [name for container in engine.containers(mine) for name in container["Names"]]
    return [n for n in [*names, *(v["Name"] for v in engine.volumes(mine))] if "rehearsal" in n]


def test_an_engine_that_makes_what_was_asked_for_shows_no_difference(engine: Engine, outfit: Outfit) -> None:
    assert rehearse(engine, outfit) == []
    assert left_by_us(engine) == []


def test_an_engine_that_makes_another_container_is_told_which_field(outfit: Outfit) -> None:
    lenient = Lenient.connect()
    assert rehearse(lenient, outfit) == ["HostConfig.ReadonlyRootfs is False, not True"]
    assert left_by_us(lenient) == []


def test_an_engine_that_cannot_make_it_at_all_keeps_no_volume(engine: Engine, outfit: Outfit) -> None:
    missing = replace(outfit, image=f"sha256:{'0' * 64}")
    with pytest.raises(SandboxError, match="could not create autoresearch-rehearsal"):
        rehearse(engine, missing)
    assert left_by_us(engine) == []


def test_the_engine_says_what_it_is_made_of(engine: Engine) -> None:
    facts = engine.facts()
    assert facts.version
    assert facts.api_version
    assert facts.components["runc"][0].isdigit()
    assert facts.cgroup_version in {"1", "2"}
    assert facts.secured_by("seccomp")
    assert asdict(facts)["storage_driver"]
