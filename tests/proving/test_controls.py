"""A control takes away what it names, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.policy import SandboxPolicy
from orchestrator.proving.controls import GUARDS, Places, lifted, read_control
from orchestrator.sandbox.attest import differences
from orchestrator.sandbox.container import Outfit, container_body

SECCOMP = (Path(__file__).parents[2] / "policies" / "seccomp.json").read_text(encoding="utf-8")
PLACES = Places("/tmp/host", "/tmp/data", "/run/docker.sock", "the-neighbour", "a-secret")  # noqa: S108


@pytest.fixture
def body() -> dict[str, Any]:
    outfit = Outfit("sha256:0", SandboxPolicy(), SECCOMP, 2.0, {}, data_volume="the-data", user=60578)
    return container_body(outfit, "bare", out_volume="the-output")


@pytest.mark.parametrize("guard", sorted(GUARDS))
def test_every_guard_can_be_taken_away_and_the_body_is_copied(guard: str, body: dict[str, Any]) -> None:
    before = repr(body)
    assert repr(lifted(body, [guard], PLACES)) != before
    assert repr(body) == before


@pytest.mark.parametrize(
    ("guard", "keys"),
    [
        ("network", {"NetworkMode"}),
        ("seccomp", {"SecurityOpt"}),
        ("privileges", {"SecurityOpt"}),
        ("root", {"ReadonlyRootfs"}),
        ("pids", {"PidsLimit"}),
        ("memory", {"Memory", "MemorySwap"}),
        ("shm", {"ShmSize"}),
        ("exec", {"Tmpfs"}),
        ("capabilities", {"CapDrop", "CapAdd"}),
        ("ipc", {"IpcMode"}),
        ("host folder", {"Binds"}),
    ],
)
def test_a_lifted_guard_changes_its_own_keys_alone(guard: str, keys: set[str], body: dict[str, Any]) -> None:
    before, after = body["HostConfig"], lifted(body, [guard], PLACES)["HostConfig"]
    assert {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)} == keys


def test_without_the_profile_all_other_options_stay(body: dict[str, Any]) -> None:
    options = lifted(body, ["seccomp"], PLACES)["HostConfig"]["SecurityOpt"]
    assert options == ["no-new-privileges", "seccomp=unconfined"]


@pytest.mark.parametrize("guard", ["seccomp", "network", "capabilities", "root", "pids", "exec"])
def test_a_container_without_a_guard_would_never_pass_for_a_sealed_one(
    guard: str, body: dict[str, Any]
) -> None:
    made = lifted(body, [guard], PLACES)
    host = {**made["HostConfig"], "MaskedPaths": ["/proc/kcore"], "ReadonlyPaths": ["/proc/sys"]}
    config = {key: value for key, value in made.items() if key != "HostConfig"}
    assert differences(body, {"Config": config, "HostConfig": host, "Mounts": []})


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("lift seccomp", "lift"),
        ("naive reader", "naive reader"),
        ("outlives TERM", "outlives"),
        ("naive record: table", "naive record"),
    ],
)
def test_controls_are_read(text: str, kind: str) -> None:
    assert read_control(text).kind == kind


@pytest.mark.parametrize("text", ["", "lift", "lift ,", "lift everything", "naive", "outlives KILL"])
def test_what_is_no_control_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a control"):
        read_control(text)
