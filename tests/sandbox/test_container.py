"""What every container has, in every mode and under every shipped policy."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.data import TRAINING_FILES
from orchestrator.policy import load_policy
from orchestrator.sandbox.container import (
    BESIDE_TRAINING,
    Mode,
    Outfit,
    container_body,
    output_options,
)

POLICIES = Path(__file__).parents[2] / "policies"
SECCOMP = (POLICIES / "seccomp.json").read_text(encoding="utf-8")
MODES: tuple[Mode, ...] = ("train", "smoke", "bare", "serve", "hold", "receive", "stdlib")
MIB = 1024 * 1024
LABELS = {"autoresearch.run": "night", "autoresearch.attempt": "0007"}
EVERY = list(itertools.product(sorted(path.name for path in POLICIES.glob("*.yaml")), MODES))


def outfit_of(policy: str) -> Outfit:
    return Outfit("sha256:0", load_policy(POLICIES / policy).sandbox, SECCOMP, 2.5, LABELS, "the-data")


@pytest.fixture(params=EVERY, ids="-".join)
def case(request: pytest.FixtureRequest) -> tuple[Outfit, Mode, dict[str, Any]]:
    policy, mode = request.param
    outfit = outfit_of(policy)
    return outfit, mode, container_body(outfit, mode, out_volume="the-output")


Case = tuple[Outfit, Mode, dict[str, Any]]


def test_there_is_no_network(case: Case) -> None:
    _, _, body = case
    assert body["HostConfig"]["NetworkMode"] == "none"
    assert body["NetworkDisabled"] is True
    assert not {"ExposedPorts", "NetworkingConfig"} & body.keys()
    assert not {"PortBindings", "PublishAllPorts", "ExtraHosts", "Links", "Dns"} & body["HostConfig"].keys()


def test_there_are_no_privileges(case: Case) -> None:
    _, mode, body = case
    host = body["HostConfig"]
    assert (host["Privileged"], host["CapDrop"]) == (False, ["ALL"])
    assert not {"CapAdd", "Sysctls", "UsernsMode", "PidMode", "UTSMode", "CgroupParent"} & host.keys()
    assert (host["IpcMode"], host["CgroupnsMode"]) == ("private", "private")
    assert body["User"] == ("0:0" if mode == "receive" else "65534:65534")
    assert (body["Tty"], host["Init"]) == (False, True)


def test_system_calls_are_filtered_by_our_own_profile(case: Case) -> None:
    _, _, body = case
    privileges, profile = body["HostConfig"]["SecurityOpt"]
    assert privileges == "no-new-privileges"
    assert json.loads(profile.removeprefix("seccomp="))["defaultAction"] == "SCMP_ACT_ERRNO"


def test_every_limit_is_the_policys(case: Case) -> None:
    outfit, _, body = case
    host, policy = body["HostConfig"], outfit.policy
    assert host["Memory"] == host["MemorySwap"] == policy.memory_mib * MIB > 0
    assert (host["PidsLimit"], host["ShmSize"]) == (policy.pids, policy.shm_mib * MIB)
    assert (host["NanoCpus"], host["Runtime"]) == (2_500_000_000, policy.runtime)
    limits = {limit["Name"]: (limit["Soft"], limit["Hard"]) for limit in host["Ulimits"]}
    assert limits == {"core": (0, 0), "nofile": (policy.open_files, policy.open_files)}


def test_a_smoke_test_alone_gives_way_to_what_trains(case: Case) -> None:
    outfit, *_ = case
    modes: tuple[Mode, ...] = ("train", "serve", "hold", "smoke")
    shares = {mode: container_body(outfit, mode, out_volume="o")["HostConfig"]["CpuShares"] for mode in modes}
    assert shares == {"train": 0, "serve": 0, "hold": 0, "smoke": BESIDE_TRAINING}
    assert 0 < BESIDE_TRAINING < 1024


def test_only_sized_scratch_space_can_be_written_and_only_work_executes(case: Case) -> None:
    outfit, _, body = case
    host = body["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    options = {path: set(text.split(",")) for path, text in host["Tmpfs"].items()}
    assert options.keys() == {"/tmp", "/work"}  # noqa: S108 - the container's
    assert {"noexec", f"size={outfit.policy.tmp_mib}m"} < options["/tmp"]  # noqa: S108 - the container's
    assert {"exec", f"size={outfit.policy.work_mib}m", "mode=0700"} < options["/work"]
    assert all({"nosuid", "nodev"} < each for each in options.values())


def test_no_path_of_the_host_is_mounted(case: Case) -> None:
    _, mode, body = case
    host = body["HostConfig"]
    assert not {"Binds", "VolumesFrom", "Devices"} & host.keys()
    assert {mount["Type"] for mount in host["Mounts"]} <= {"volume"}
    mounts = {m["Target"]: (m["Source"], m["ReadOnly"]) for m in host["Mounts"]}
    assert (
        mounts
        == {
            "train": {"/data": ("the-data", True), "/out": ("the-output", False)},
            "smoke": {"/data": ("the-data", True), "/out": ("the-output", False)},
            "bare": {"/data": ("the-data", True), "/out": ("the-output", False)},
            "serve": {"/out": ("the-output", True)},
            "hold": {"/out": ("the-output", True)},
            "receive": {"/data": ("the-data", False)},
            "stdlib": {},
        }[mode]
    )


def test_the_environment_is_ours_alone(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    outfit, mode, body = case
    monkeypatch.setenv("OPENAI_API_KEY", "s3cr3t")
    monkeypatch.setenv("http_proxy", "http://user:s3cr3t@proxy")
    again = container_body(outfit, mode, out_volume="the-output")
    assert again == body
    names = {entry.partition("=")[0] for entry in body["Env"]}
    assert not {name for name in names if any(word in name.upper() for word in ("KEY", "TOKEN", "PROXY"))}
    assert "s3cr3t" not in json.dumps(again)


def test_nothing_is_logged_restarted_or_unlabelled(case: Case) -> None:
    _, mode, body = case
    assert body["HostConfig"]["LogConfig"] == {"Type": "none", "Config": {}}
    assert body["HostConfig"]["RestartPolicy"]["Name"] == "no"
    assert body["Labels"] == LABELS
    assert (body["Entrypoint"], body["Cmd"]) == (["python3", "/opt/autoresearch/runner.py"], [mode])


@pytest.mark.parametrize("policy", sorted(path.name for path in POLICIES.glob("*.yaml")))
def test_the_output_is_capped_in_bytes_and_files_and_only_nobody_enters(policy: str) -> None:
    sandbox = outfit_of(policy).policy
    options = output_options(sandbox)
    assert (options["type"], options["device"]) == ("tmpfs", "tmpfs")
    limits = {f"size={sandbox.output_mib}m", f"nr_inodes={sandbox.output_files}"}
    assert limits | {"uid=65534", "mode=0700", "noexec", "nosuid", "nodev"} < set(options["o"].split(","))


def test_held_out_data_is_no_training_file() -> None:
    assert set(TRAINING_FILES) == {"train.bin", "tokenizer.json"}


def test_a_profile_that_is_no_json_makes_no_outfit() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        Outfit("image", load_policy(POLICIES / "default.yaml").sandbox, "unconfined", 1.0, {})
