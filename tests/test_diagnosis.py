"""What `doctor` finds: the engine's own words, this machine's versions, and what could be stronger."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.sandbox.engine_facts import EngineFacts, read_facts
from orchestrator.sandbox.hardening import obstacles, weaknesses
from orchestrator.sandbox.host_versions import HostVersions, read_host_versions

ROOT = Path(__file__).parents[1]

# As Debian's Docker 20.10 answered on a machine with cgroup v1, shortened.
INFO: dict[str, Any] = {
    "ServerVersion": "20.10.24+dfsg1",
    "NCPU": 2,
    "MemTotal": 25276510208,
    "Driver": "overlay2",
    "CgroupDriver": "cgroupfs",
    "CgroupVersion": "1",
    "KernelVersion": "6.18.44",
    "OperatingSystem": "Debian GNU/Linux 12 (bookworm)",
    "DockerRootDir": "/var/lib/docker",
    "Runtimes": {"runc": {"path": "runc"}, "runsc": {"path": "/usr/bin/runsc", "runtimeArgs": ["--nvproxy"]}},
    "SecurityOptions": ["name=seccomp,profile=default"],
}
VERSION: dict[str, Any] = {
    "ApiVersion": "1.41",
    "Components": [
        {"Name": "Engine", "Version": "20.10.24+dfsg1", "Details": {"GitCommit": "5d6db84"}},
        {
            "Name": "containerd",
            "Version": "1.6.20~ds1",
            "Details": {"GitCommit": "1.6.20~ds1-1+deb12u3"},
        },
        {"Name": "runc", "Version": "1.1.5+ds1", "Details": {"GitCommit": "1.1.5+ds1-1+deb12u1"}},
        {"Name": "docker-init", "Version": "0.19.0", "Details": {"GitCommit": ""}},
    ],
}
# As Podman 4.3.1 answered behind its compatible socket.
PODMAN_VERSION: dict[str, Any] = {
    "ApiVersion": "1.41",
    "Components": [
        {"Name": "Podman Engine", "Version": "4.3.1", "Details": {"GitCommit": ""}},
        {"Name": "Conmon", "Version": "conmon version 2.1.6, commit: unknown", "Details": {"Package": "c"}},
        {"Name": "OCI Runtime (crun)", "Version": "crun version 1.8.1\ncommit: f8a096be\nspec: 1.0.0"},
    ],
}
# As in INFO, but with everything that could be stronger made so.
STRONG = replace(
    read_facts(INFO, VERSION),
    version="29.9.0",
    components={"runc": "1.5.3"},
    cgroup_version="2",
    security=("apparmor", "seccomp,profile=builtin", "rootless", "cgroupns"),
)


def subjects(facts: EngineFacts, versions: HostVersions | None = None, runtime: str = "runsc") -> list[str]:
    return [weakness.subject for weakness in weaknesses(facts, versions or HostVersions(), runtime)]


def test_the_engines_versions_are_read_with_the_distributions_revision() -> None:
    facts = read_facts(INFO, VERSION)
    assert facts.product == "Docker"
    assert facts.components == {
        "containerd": "1.6.20~ds1-1+deb12u3",
        "runc": "1.1.5+ds1-1+deb12u1",
        "docker-init": "0.19.0",
    }
    assert facts.runtime_arguments == {"runc": (), "runsc": ("--nvproxy",)}
    assert facts.secured_by("seccomp")
    assert not facts.secured_by("rootless")


def test_a_commit_that_is_no_revision_leaves_the_version_as_it_is() -> None:
    part = {"Name": "runc", "Version": "1.1.12", "Details": {"GitCommit": "v1.1.12-0-g51d5e94"}}
    assert read_facts(INFO, {"Components": [part]}).components == {"runc": "1.1.12"}


def test_podman_is_told_from_docker_and_names_its_runtime() -> None:
    facts = read_facts(INFO | {"ServerVersion": "4.3.1"}, PODMAN_VERSION)
    assert facts.product == "Podman"
    assert facts.components == {"Conmon": "2.1.6", "crun": "1.8.1"}
    assert "version" not in subjects(replace(facts, kernel="7.0"))  # the table has no line for Podman


def test_facts_and_versions_can_be_recorded() -> None:
    recorded = json.loads(json.dumps([asdict(read_facts(INFO, VERSION)), asdict(HostVersions())]))
    assert recorded[0]["components"]["runc"] == "1.1.5+ds1-1+deb12u1"
    assert recorded[1]["nvidia_driver"] is None


def test_an_engine_with_everything_in_force_has_no_weakness() -> None:
    assert subjects(STRONG) == []
    assert list(obstacles(STRONG, "runc")) == []


def test_each_thing_that_could_be_stronger_is_named_once() -> None:
    assert subjects(read_facts(INFO, VERSION), runtime="runc") == [
        "version",
        "version",
        "users",
        "confined",
        "cgroup",
        "tier",
    ]


@pytest.mark.parametrize(
    ("change", "subject"),
    [
        ({"cgroup_version": "1"}, "cgroup"),
        ({"security": ("apparmor", "seccomp")}, "users"),
        ({"security": ("rootless", "seccomp")}, "confined"),
        ({"version": "29.6.0"}, "version"),
        ({"kernel": "6.18.21"}, "version"),
    ],
)
def test_one_thing_taken_away_is_the_one_weakness(change: dict[str, Any], subject: str) -> None:
    assert subjects(replace(STRONG, **change)) == [subject]


def test_only_the_runtime_in_use_is_judged() -> None:
    facts, old = replace(STRONG, components={"runc": "1.1.5"}), HostVersions(gvisor="20221219.0")
    assert ["runc 1.1.5" in w.message for w in weaknesses(facts, old, "runc")] == [True, False]
    assert ["gVisor 20221219.0" in w.message for w in weaknesses(facts, old, "runsc")] == [True]


def test_a_distributions_old_number_is_a_reason_to_look_and_not_a_verdict() -> None:
    packaged = next(weaknesses(replace(STRONG, components={"runc": "1.1.5+ds1-1"}), HostVersions(), "runc"))
    upstream = next(weaknesses(replace(STRONG, components={"runc": "1.1.5"}), HostVersions(), "runc"))
    assert packaged.remedy.startswith("look for the fix in 'apt changelog runc', else update to 1.3.7, ")
    assert upstream.remedy.startswith("update to 1.3.7, 1.4.4, 1.5.3 or later; meanwhile")


def test_debians_kernel_is_judged_by_its_package_and_not_by_its_release_name() -> None:
    facts = replace(STRONG, kernel="6.1.0-49-amd64")
    assert subjects(facts) == ["version"]
    assert subjects(facts, HostVersions(kernel_package="6.1.172-1")) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cgroup_driver": "none"}, "enforces no limit"),
        ({"security": ("seccomp", "apparmor", "userns")}, "nothing could be saved"),
        ({"security": ("rootless", "apparmor")}, "without seccomp"),
    ],
)
def test_what_voids_the_policys_limits_is_no_mere_weakness(change: dict[str, Any], said: str) -> None:
    found = list(obstacles(replace(STRONG, **change), "runc"))
    assert len(found) == 1
    assert said in found[0].message
    assert found[0].remedy


@pytest.mark.parametrize(
    ("runtimes", "arguments", "said"),
    [
        (("runc",), {}, "has no runtime runsc"),
        (("runc", "runsc"), {}, "would ignore our seccomp profile"),
        (("runc", "runsc"), {"runsc": ("--network=none", "--oci-seccomp=false")}, "would ignore"),
        (("runc", "runsc"), {"runsc": ("--network=none", "--oci-seccomp")}, ""),
        (("runc", "runsc"), {"runsc": ("--oci-seccomp=true",)}, ""),
    ],
)
def test_gvisor_is_taken_only_where_our_profile_counts_inside_it(
    runtimes: tuple[str, ...], arguments: dict[str, tuple[str, ...]], said: str
) -> None:
    facts = replace(STRONG, runtimes=runtimes, runtime_arguments=arguments)
    found = [obstacle for obstacle in obstacles(facts, "runsc") if said]
    assert bool(list(obstacles(facts, "runsc"))) == bool(said)
    assert all(said in obstacle.message and "--oci-seccomp" in obstacle.remedy for obstacle in found)


def machine(command: Sequence[str]) -> str:
    """A machine with a card: each program's own words."""
    return {
        "nvidia-smi": "570.195.03\n570.195.03\n",
        "nvidia-ctk": "NVIDIA Container Toolkit CLI version 1.17.8\ncommit: f202b80a\n",
        "runsc": "runsc version release-20260928.0\nspec: 1.1.0-rc.1\n",
    }[command[0]]


def bare(_: Sequence[str]) -> str:
    raise FileNotFoundError


def hung(command: Sequence[str]) -> str:
    raise subprocess.TimeoutExpired(list(command), 5.0)


def test_driver_toolkit_gvisor_and_debians_kernel_are_read_in_their_own_words() -> None:
    build = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.172-1 (2026-05-20)"
    read = read_host_versions("6.1.0-49-amd64", machine, own_kernel="6.1.0-49-amd64", own_build=build)
    assert read == HostVersions("570.195.03", "1.17.8", "20260928.0", "6.1.172-1")


def test_debians_gvisor_is_read_too() -> None:
    read = read_host_versions("x", lambda _: "runsc version 0.0~20221219.0\nspec: 1.0.2-dev", own_kernel="x")
    assert read.gvisor == "20221219.0"


@pytest.mark.parametrize("query", [bare, hung, lambda _: "", lambda _: "No devices were found"])
def test_what_is_absent_or_silent_is_not_guessed(query: Any) -> None:
    assert read_host_versions("x", query, own_kernel="x", own_build="#1 SMP") == HostVersions()


def test_this_machines_versions_say_nothing_of_a_remote_engine() -> None:
    assert read_host_versions("6.8.0-51-generic", machine, own_kernel="6.18.44") == HostVersions()


def test_one_failed_check_hides_no_other_and_only_what_is_missing_is_fatal(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    places = {"AUTORESEARCH_RUNS": str(tmp_path / "runs"), "AUTORESEARCH_DATA": str(tmp_path / "data")}
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "doctor", "--policy", "policies/demo.yaml"],
        cwd=ROOT,
        env=kept | places | {"DOCKER_HOST": f"unix://{tmp_path}/none.sock"},
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line.split()[:2] for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert done.returncode == 1
    assert {subject for state, subject in found if state == "missing"} >= {"engine", "image", "sandbox"}
    assert {subject for state, subject in found if state == "ok"} >= {"git", "disk", "policy"}
    assert found.count(["ok", "disk"]) == 1  # both folders lie on one disk
