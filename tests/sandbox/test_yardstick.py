"""Every published check, passed by the container that is made, and failed by one with that field changed."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from orchestrator.policy import SandboxPolicy
from orchestrator.sandbox.attest import differences
from orchestrator.sandbox.container import Mode, Outfit, container_body
from orchestrator.sandbox.yardstick import CHECKS, Check, shortcomings
from tests.sandbox.test_attest import ASKED, Made, Place, recorded, tampered

HOST = "HostConfig"
BIND = {
    "Type": "bind",
    "Source": "/",
    "Destination": "/host",
    "Mode": "",
    "RW": True,
    "Propagation": "rprivate",
}
SOCKET = {**BIND, "Source": "/run/docker.sock", "Destination": "/engine"}
UNCONFINED = ["no-new-privileges", "seccomp=unconfined"]
LOGGED = ["no-new-privileges", 'seccomp={"defaultAction": "SCMP_ACT_LOG"}']
PROFILE = 'seccomp={"defaultAction": "SCMP_ACT_ERRNO"}'

FLIPS: list[tuple[Place, object, str]] = [
    (("AppArmorProfile",), "unconfined", "CIS 5.2, PSS AppArmor"),
    ((HOST, "SecurityOpt"), ["no-new-privileges", PROFILE, "apparmor=unconfined"], "CIS 5.2, PSS AppArmor"),
    ((HOST, "SecurityOpt"), ["no-new-privileges", PROFILE, "label=disable"], "CIS 5.3, PSS SELinux"),
    ((HOST, "SecurityOpt"), ["no-new-privileges", PROFILE, "label:type:x"], "CIS 5.3, PSS SELinux"),
    ((HOST, "CapAdd"), ["SYS_ADMIN"], "CIS 5.4, PSS Capabilities"),
    ((HOST, "CapDrop"), ["NET_RAW"], "CIS 5.4, PSS Capabilities"),
    ((HOST, "CapDrop"), None, "CIS 5.4, PSS Capabilities"),
    ((HOST, "Privileged"), True, "CIS 5.5, PSS Privileged Containers"),
    ((HOST, "Binds"), ["/etc:/etc"], "CIS 5.6, PSS HostPath Volumes, PSS Volume Types"),
    (("Mounts", 0), BIND, "CIS 5.6, PSS HostPath Volumes, PSS Volume Types"),
    (("Args",), ["-c", "sshd"], "CIS 5.7"),
    (("Path",), "sshd", "CIS 5.7"),
    ((HOST, "PortBindings"), {"22/tcp": [{}]}, "CIS 5.8, CIS 5.9, CIS 5.14, PSS Host Ports"),
    ((HOST, "PublishAllPorts"), True, "CIS 5.9, PSS Host Ports"),
    (("Config", "ExposedPorts"), {"80/tcp": {}}, "CIS 5.9"),
    ((HOST, "NetworkMode"), "host", "CIS 5.10, CIS 5.30, PSS Host Namespaces"),
    ((HOST, "NetworkMode"), "bridge", "CIS 5.10, CIS 5.30, PSS Host Namespaces"),
    ((HOST, "Memory"), 0, "CIS 5.11"),
    ((HOST, "MemorySwap"), -1, "CIS 5.11"),
    ((HOST, "OomKillDisable"), True, "CIS 5.11"),
    ((HOST, "NanoCpus"), 0, "CIS 5.12"),
    ((HOST, "ReadonlyRootfs"), False, "CIS 5.13"),
    ((HOST, "RestartPolicy", "Name"), "always", "CIS 5.15"),
    ((HOST, "PidMode"), "host", "CIS 5.16, PSS Host Namespaces"),
    ((HOST, "IpcMode"), "host", "CIS 5.17, PSS Host Namespaces"),
    ((HOST, "Devices"), [{"PathOnHost": "/dev/kvm"}], "CIS 5.18"),
    ((HOST, "DeviceRequests"), [{"Count": -1}], "CIS 5.18"),
    ((HOST, "DeviceCgroupRules"), ["a *:* rwm"], "CIS 5.18"),
    ((HOST, "Ulimits"), None, "CIS 5.19"),
    ((HOST, "Ulimits", 0, "Hard"), -1, "CIS 5.19"),
    (("Mounts", 1, "Propagation"), "rshared", "CIS 5.20"),
    ((HOST, "UTSMode"), "host", "CIS 5.21"),
    ((HOST, "SecurityOpt"), UNCONFINED, "CIS 5.22, PSS Seccomp"),
    ((HOST, "SecurityOpt"), LOGGED, "CIS 5.22, PSS Seccomp"),
    ((HOST, "SecurityOpt"), ["no-new-privileges"], "CIS 5.22, PSS Seccomp"),
    (("ExecIDs",), ["0123"], "CIS 5.23, CIS 5.24"),
    ((HOST, "CgroupParent"), "/unlimited", "CIS 5.25"),
    ((HOST, "CgroupnsMode"), "host", "CIS 5.25"),
    ((HOST, "SecurityOpt"), [PROFILE], "CIS 5.26, PSS Privilege Escalation"),
    ((HOST, "SecurityOpt"), [PROFILE, "no-new-privileges:false"], "CIS 5.26, PSS Privilege Escalation"),
    (("Image",), f"sha256:{'1' * 64}", "CIS 5.28"),
    (("Config", "Image"), "debian:latest", "CIS 5.28"),
    ((HOST, "PidsLimit"), 0, "CIS 5.29"),
    ((HOST, "PidsLimit"), None, "CIS 5.29"),
    ((HOST, "UsernsMode"), "host", "CIS 5.31"),
    (("Mounts", 0), SOCKET, "CIS 5.6, CIS 5.32, PSS HostPath Volumes, PSS Volume Types"),
    ((HOST, "MaskedPaths"), ["/proc/kcore"], "PSS /proc Mount Type"),
    ((HOST, "ReadonlyPaths"), [], "PSS /proc Mount Type"),
    ((HOST, "Sysctls"), {"net.core.somaxconn": "1"}, "PSS Sysctls"),
    (("Config", "User"), "", "PSS Running as Non-root, PSS Running as Non-root user"),
    (("Config", "User"), "root", "PSS Running as Non-root"),
    (("Config", "User"), "0:0", "PSS Running as Non-root user"),
]


def names(checks: list[Check]) -> set[str]:
    return {check.name for check in checks}


def words(case: object) -> str:
    return ".".join(map(str, case)) if isinstance(case, tuple) else str(case)[:24]


def test_the_container_that_is_made_passes_every_check_that_applies() -> None:
    assert shortcomings(ASKED, recorded()) == []


@pytest.mark.parametrize(("place", "value", "failed"), FLIPS, ids=words)
def test_one_field_changed_fails_exactly_its_checks_and_is_a_difference(
    place: Place, value: object, failed: str
) -> None:
    made = tampered(recorded(), place, value)
    assert names(shortcomings(ASKED, made)) == set(failed.split(", "))
    assert differences(ASKED, made)


def test_every_check_is_failed_by_some_container_or_says_why_it_does_not_apply() -> None:
    failed = {name for _, _, names_ in FLIPS for name in names_.split(", ")}
    assert failed == {check.name for check in CHECKS if check.holds}
    assert {check.name for check in CHECKS if check.not_applicable} == {
        "CIS 5.1",
        "CIS 5.27",
        "PSS HostProcess",
        "PSS Host Probes",
    }


def test_the_list_has_each_number_of_the_benchmark_once_and_in_order() -> None:
    cis = [check.name for check in CHECKS if check.name.startswith("CIS")]
    assert cis == [f"CIS 5.{number}" for number in range(1, 33)]
    assert len(names(list(CHECKS))) == len(CHECKS)


def test_a_check_has_an_answer_or_a_reason_and_never_both() -> None:
    for arguments in ({}, {"holds": lambda _, __: True, "not_applicable": "because"}):
        with pytest.raises(ValueError, match="needs an answer or a reason"):
            Check("CIS 0", "nothing", **arguments)  # type: ignore[arg-type]


def test_a_card_that_was_granted_passes_and_another_one_does_not() -> None:
    asked, request = copy.deepcopy(ASKED), {"Driver": "nvidia", "DeviceIDs": ["GPU-aaaa"]}
    asked[HOST]["DeviceRequests"] = [request]
    granted = tampered(recorded(), (HOST, "DeviceRequests"), [request])
    assert shortcomings(asked, granted) == []
    more = tampered(recorded(), (HOST, "DeviceRequests"), [{**request, "DeviceIDs": ["GPU-aaaa", "GPU-b"]}])
    assert names(shortcomings(asked, more)) == {"CIS 5.18"}


@pytest.mark.parametrize("mode", ["train", "bare", "smoke", "serve", "hold", "stdlib"])
@pytest.mark.parametrize("runtime", ["runc", "runsc"])
def test_what_is_asked_for_candidates_meets_the_yardstick_and_the_trusted_filler_is_root(
    mode: Mode, runtime: str
) -> None:
    policy = SandboxPolicy.model_validate({"runtime": runtime})
    outfit = Outfit(ASKED["Image"], policy, '{"defaultAction": "SCMP_ACT_ERRNO"}', 1.0, {}, data_volume="d")
    body = container_body(outfit, mode, out_volume="o")
    assert shortcomings(body, granted_all(body)) == []
    filler = container_body(outfit, "receive")
    root = {"PSS Running as Non-root user"}
    assert names(shortcomings(filler, granted_all(filler))) == root


def granted_all(body: dict[str, Any]) -> Made:
    """The recorded answer of an engine, as it would be for another body."""
    made = recorded()
    made["Config"] |= {key: value for key, value in body.items() if key in made["Config"]}
    made[HOST] |= body[HOST]
    made["Args"] = [*body["Entrypoint"][1:], *body["Cmd"]]
    made["Mounts"] = [
        {"Type": m["Type"], "Name": m["Source"], "Destination": m["Target"], "RW": not m["ReadOnly"]}
        for m in body[HOST]["Mounts"]
    ]
    return made
