"""The flags that are explained, given to the engine's own command line, make the container that we make."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest

from orchestrator.assembly import SECCOMP
from orchestrator.policy import load_policy
from orchestrator.sandbox.container import RUNNER, Mode, Outfit, container_body
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.flags import run_flags
from tests.docker.conftest import IMAGE

POLICIES = Path(__file__).parents[2] / "policies"
VOLUMES = ("OUT", "DATA")
ELSEWHERE = {"Hostname", "Entrypoint", "Cmd", "NetworkDisabled"}
"""The name is drawn, the runner stands behind the image, and --network=none alone cuts the network."""


def call(*words: str) -> str:
    done = subprocess.run(["docker", *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def named() -> Iterator[dict[str, str]]:
    names = {name: f"flags-{name.lower()}-{os.getpid()}" for name in VOLUMES}
    for name in names.values():
        call("volume", "create", name)
    yield names
    for name in names.values():
        call("volume", "rm", name)


def inspected(identity: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(call("inspect", identity))[0]
    call("rm", identity)
    return made


@pytest.mark.docker
@pytest.mark.parametrize("mode", ["train", "smoke", "serve"])
@pytest.mark.parametrize("policy", ["default.yaml", "strict.yaml"])
def test_docker_create_with_these_flags_makes_what_we_make(
    engine: Engine, named: dict[str, str], policy: str, mode: Mode
) -> None:
    section = load_policy(POLICIES / policy).sandbox
    outfit = Outfit(engine.image_id(IMAGE), section, SECCOMP.read_text(), 1.0, {"a": "b"}, named["DATA"])
    flags = [
        flag.text.replace("source=OUT", f"source={named['OUT']}")
        for flag in run_flags(outfit, mode, str(SECCOMP))
    ]
    theirs = inspected(call("create", *flags, outfit.image, RUNNER, mode))
    body = container_body(outfit, mode, out_volume=named["OUT"])
    client = docker.APIClient()
    ours = inspected(client.create_container_from_config(body)["Id"])  # type: ignore[no-untyped-call]
    client.close()
    assert comparable(theirs) == comparable(ours)
    assert (theirs["Path"], theirs["Args"]) == (ours["Path"], ours["Args"])


def comparable(made: dict[str, Any]) -> dict[str, Any]:
    config = {name: value for name, value in made["Config"].items() if name not in ELSEWHERE}
    config["Env"] = sorted(config["Env"])
    host = dict(made["HostConfig"])
    host["SecurityOpt"] = [squeezed(option) for option in host["SecurityOpt"]]
    whole: dict[str, Any] = {"Config": config, "HostConfig": host, "Mounts": sorted(made["Mounts"], key=str)}
    return whole | {"Config": said(config), "HostConfig": said(host)}


def said(value: Any) -> Any:
    """Without what is empty: the command line says an empty list where we say nothing."""
    if isinstance(value, dict):
        return {name: said(each) for name, each in value.items() if each not in (None, [], {}, "")}
    return [said(each) for each in value] if isinstance(value, list) else value


def squeezed(option: str) -> str:
    name, _, profile = option.partition("=")
    return f"{name}={json.dumps(json.loads(profile), sort_keys=True)}" if profile else option


@pytest.mark.docker
def test_another_flag_makes_another_container(engine: Engine, named: dict[str, str]) -> None:
    """The comparison above can fail: without one flag the two differ."""
    section = load_policy(POLICIES / "default.yaml").sandbox
    outfit = Outfit(engine.image_id(IMAGE), section, SECCOMP.read_text(), 1.0, {}, named["DATA"])
    weaker = replace(outfit, policy=section.model_copy(update={"pids": 99}))
    made = []
    for each in (outfit, weaker):
        flags = [
            flag.text.replace("source=OUT", f"source={named['OUT']}")
            for flag in run_flags(each, "train", str(SECCOMP))
        ]
        made.append(comparable(inspected(call("create", *flags, outfit.image, RUNNER, "train"))))
    assert made[0] != made[1]
