"""A container that an engine really made, and every way in which it could have been another one.

`data/inspect.json` is the answer of Docker Engine 20.10 to inspect, identities zeroed.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.policy import SandboxPolicy
from orchestrator.sandbox.attest import differences, digest
from orchestrator.sandbox.container import Outfit, container_body

POLICY = SandboxPolicy(
    memory_mib=4096, shm_mib=256, pids=1024, open_files=4096, tmp_mib=128, work_mib=1024, output_mib=256
)
OUTFIT = Outfit(
    image=f"sha256:{'0' * 64}",
    policy=POLICY,
    seccomp='{"defaultAction": "SCMP_ACT_ERRNO"}',
    cpus=2.0,
    labels={"autoresearch.run": "night"},
    data_volume="the-data",
)
ASKED = container_body(OUTFIT, "train", out_volume="the-output")
Made = dict[str, Any]
Place = tuple[str | int, ...]


def recorded() -> Made:
    """The engine's answer, as it was."""
    text = (Path(__file__).parent / "data" / "inspect.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


@pytest.fixture
def made() -> Made:
    return recorded()


def tampered(made: Made, place: Place, value: object) -> Made:
    """A copy of the engine's answer with one field changed."""
    changed = copy.deepcopy(made)
    inner: Any = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    assert changed != made, "the tampering changes nothing"
    return changed


def test_the_container_that_was_asked_for_has_no_differences(made: Made) -> None:
    assert differences(ASKED, made) == []


@pytest.mark.parametrize("key", sorted(ASKED["HostConfig"]))
@pytest.mark.parametrize("value", [None, "other"])
def test_each_part_of_the_host_configuration_that_was_asked_for_must_be_there(
    made: Made, key: str, value: object
) -> None:
    if key in {"Ulimits", "Mounts", "CapDrop", "SecurityOpt"} and value:
        value = []
    (difference,) = differences(ASKED, tampered(made, ("HostConfig", key), value))
    assert difference.startswith(f"HostConfig.{key} is ")


WEAKER: list[tuple[Place, object, str]] = [
    (("HostConfig", "NetworkMode"), "bridge", "HostConfig.NetworkMode"),
    (("HostConfig", "NetworkMode"), "host", "HostConfig.NetworkMode"),
    (("HostConfig", "Privileged"), True, "HostConfig.Privileged"),
    (("HostConfig", "CapAdd"), ["SYS_ADMIN"], "HostConfig.CapAdd"),
    (("HostConfig", "CapDrop"), ["NET_RAW"], "HostConfig.CapDrop"),
    (("HostConfig", "SecurityOpt"), ["no-new-privileges"], "HostConfig.SecurityOpt"),
    (("HostConfig", "SecurityOpt"), ["no-new-privileges", "seccomp=unconfined"], "HostConfig.SecurityOpt"),
    (("HostConfig", "ReadonlyRootfs"), False, "HostConfig.ReadonlyRootfs"),
    (("HostConfig", "Runtime"), "nvidia", "HostConfig.Runtime"),
    (("HostConfig", "Memory"), 0, "HostConfig.Memory"),
    (("HostConfig", "MemorySwap"), -1, "HostConfig.MemorySwap"),
    (("HostConfig", "OomKillDisable"), True, "HostConfig.OomKillDisable"),
    (("HostConfig", "CgroupParent"), "/unlimited", "HostConfig.CgroupParent"),
    (("HostConfig", "PidsLimit"), -1, "HostConfig.PidsLimit"),
    (("HostConfig", "NanoCpus"), 0, "HostConfig.NanoCpus"),
    (("HostConfig", "IpcMode"), "host", "HostConfig.IpcMode"),
    (("HostConfig", "PidMode"), "host", "HostConfig.PidMode"),
    (("HostConfig", "UTSMode"), "host", "HostConfig.UTSMode"),
    (("HostConfig", "UsernsMode"), "host", "HostConfig.UsernsMode"),
    (("HostConfig", "CgroupnsMode"), "host", "HostConfig.CgroupnsMode"),
    (("HostConfig", "Binds"), ["/:/host"], "HostConfig.Binds"),
    (("HostConfig", "VolumesFrom"), ["other"], "HostConfig.VolumesFrom"),
    (("HostConfig", "Devices"), [{"PathOnHost": "/dev/kvm"}], "HostConfig.Devices"),
    (("HostConfig", "DeviceRequests"), [{"Count": -1}], "HostConfig.DeviceRequests"),
    (("HostConfig", "DeviceCgroupRules"), ["a *:* rwm"], "HostConfig.DeviceCgroupRules"),
    (("HostConfig", "GroupAdd"), ["0"], "HostConfig.GroupAdd"),
    (("HostConfig", "Sysctls"), {"kernel.x": "1"}, "HostConfig.Sysctls"),
    (("HostConfig", "ExtraHosts"), ["a:1.2.3.4"], "HostConfig.ExtraHosts"),
    (("HostConfig", "Links"), ["db"], "HostConfig.Links"),
    (("HostConfig", "PortBindings"), {"80/tcp": []}, "HostConfig.PortBindings"),
    (("HostConfig", "PublishAllPorts"), True, "HostConfig.PublishAllPorts"),
    (("HostConfig", "LogConfig"), {"Type": "json-file", "Config": {}}, "HostConfig.LogConfig"),
    (("HostConfig", "MaskedPaths"), [], "HostConfig.MaskedPaths"),
    (("HostConfig", "MaskedPaths"), ["/proc/kcore", "/proc/keys"], "HostConfig.MaskedPaths"),
    (("HostConfig", "ReadonlyPaths"), ["/proc/sys"], "HostConfig.ReadonlyPaths"),
    (("HostConfig", "CpusetCpus"), "0", "HostConfig.CpusetCpus"),
    (("HostConfig", "CpuShares"), 1024, "HostConfig.CpuShares"),
    (("HostConfig", "CpuRealtimeRuntime"), 950_000, "HostConfig.CpuRealtimeRuntime"),
    (("HostConfig", "BlkioWeight"), 1000, "HostConfig.BlkioWeight"),
    (("HostConfig", "MemoryReservation"), 1, "HostConfig.MemoryReservation"),
    (("HostConfig", "AutoRemove"), True, "HostConfig.AutoRemove"),
    (("HostConfig", "VolumeDriver"), "nfs", "HostConfig.VolumeDriver"),
    (("HostConfig", "Dns"), ["1.1.1.1"], "HostConfig.Dns"),
    (("HostConfig", "Cgroup"), "other", "HostConfig.Cgroup"),
    (("HostConfig", "Annotations"), {"a": "b"}, "HostConfig.Annotations"),
    (("HostConfig", "InventedTomorrow"), "x", "HostConfig.InventedTomorrow"),
    (("HostConfig", "RestartPolicy", "Name"), "always", "HostConfig.RestartPolicy"),
    (("HostConfig", "ReadonlyPaths"), None, "HostConfig.ReadonlyPaths"),
    (("HostConfig", "Tmpfs", "/tmp"), "rw,exec", "HostConfig.Tmpfs"),  # noqa: S108 - the container's
    (("HostConfig", "Tmpfs", "/more"), "rw", "HostConfig.Tmpfs"),
    (("HostConfig", "Ulimits", 1, "Soft"), 1_048_576, "HostConfig.Ulimits"),
    (("HostConfig", "Mounts", 0, "ReadOnly"), False, "HostConfig.Mounts"),
    (("HostConfig", "Mounts", 0, "Source"), "another", "HostConfig.Mounts"),
    (("HostConfig", "Mounts", 0, "Source"), None, "HostConfig.Mounts"),
    (("HostConfig", "Mounts", 0, "Target"), "/elsewhere", "HostConfig.Mounts"),
    (("HostConfig", "Mounts", 0, "Type"), "bind", "HostConfig.Mounts"),
    (("HostConfig", "Mounts", 1, "VolumeOptions"), {"DriverConfig": {"Name": "x"}}, "HostConfig.Mounts"),
    (("Mounts", 0, "RW"), True, "Mounts are"),
    (("Mounts", 0, "Name"), "another", "Mounts are"),
    (("Mounts", 0, "Destination"), "/elsewhere", "Mounts are"),
    (("Mounts", 0, "Type"), "bind", "Mounts are"),
    (("Mounts", 0, "Propagation"), "rshared", "Mounts are"),
    (("Args",), ["/opt/autoresearch/runner.py", "serve"], "the command is"),
    (("Path",), "sh", "the command is"),
    (("Image",), f"sha256:{'1' * 64}", "Image is"),
    (("AppArmorProfile",), "unconfined", "AppArmorProfile"),
    (("ExecIDs",), ["0123"], "ExecIDs"),
    (("State",), {"Status": "running"}, "State is 'running'"),
    (("NetworkSettings", "Networks"), {"bridge": {}}, "Networks are ['bridge']"),
    (("Config", "Image"), "debian", "Config.Image"),
    (("Config", "User"), "", "Config.User"),
    (("Config", "User"), "0:0", "Config.User"),
    (("Config", "Entrypoint"), ["sh"], "Config.Entrypoint"),
    (("Config", "Cmd"), ["serve"], "Config.Cmd"),
    (("Config", "Tty"), True, "Config.Tty"),
    (("Config", "OpenStdin"), False, "Config.OpenStdin"),
    (("Config", "StdinOnce"), False, "Config.StdinOnce"),
    (("Config", "Env"), None, "Config.Env"),
    (("Config", "Env"), ["HOME=/"], "Config.Env"),
    (("Config", "Env"), [*ASKED["Env"], "NVIDIA_VISIBLE_DEVICES=all"], "Config.Env has a second value"),
    (("Config", "WorkingDir"), "/work", "Config.WorkingDir"),
    (("Config", "AttachStdin"), False, "Config.AttachStdin"),
    (("Config", "Healthcheck"), {"Test": ["CMD", "x"]}, "Config.Healthcheck"),
    (("Config", "Labels"), None, "Config.Labels"),
    (("Config", "Labels", "autoresearch.run"), "morning", "Config.Labels"),
    (("Config", "ExposedPorts"), {"80/tcp": {}}, "Config has ports"),
    (("Config", "Volumes"), {"/anonymous": {}}, "Config has ports or volumes"),
]


def words(case: object) -> str:
    return ".".join(map(str, case)) if isinstance(case, tuple) else str(case)[:20]


@pytest.mark.parametrize(("place", "value", "named"), WEAKER, ids=words)
def test_a_weaker_container_is_named_by_the_field_that_is_weaker(
    made: Made, place: Place, value: object, named: str
) -> None:
    found = differences(ASKED, tampered(made, place, value))
    assert len(found) == 1
    assert found[0].startswith(named)


def test_a_mount_that_nobody_asked_for_is_named(made: Made) -> None:
    made["Mounts"].append({"Type": "bind", "Source": "/", "Destination": "/host", "RW": True})
    (difference,) = differences(ASKED, made)
    assert "/host" in difference


def test_a_mount_that_is_missing_is_named(made: Made) -> None:
    del made["Mounts"][1]
    (difference,) = differences(ASKED, made)
    assert difference.startswith("Mounts are ")


def test_a_card_is_no_difference_exactly_when_it_was_asked_for(made: Made) -> None:
    request = {"Driver": "nvidia", "DeviceIDs": ["GPU-aaaa"], "Capabilities": [["gpu"]]}
    asked = copy.deepcopy(ASKED)
    asked["HostConfig"]["DeviceRequests"] = [{**request, "Count": 0, "Options": {}}]
    granted = tampered(made, ("HostConfig", "DeviceRequests"), [{**request, "Count": 0, "Options": None}])
    assert differences(asked, granted) == []
    assert len(differences(ASKED, granted)) == 1
    both = {**request, "DeviceIDs": ["GPU-aaaa", "GPU-bbbb"]}
    more = tampered(made, ("HostConfig", "DeviceRequests"), [both])
    assert len(differences(asked, more)) == 1


def test_the_digest_leaves_out_the_name_and_nothing_that_matters(made: Made) -> None:
    assert digest(tampered(made, ("Config", "Hostname"), "other")) == digest(made)
    assert digest(tampered(made, ("HostConfig", "PidsLimit"), 1023)) != digest(made)
    assert digest(tampered(made, ("Config", "Image"), "other")) != digest(made)


def test_a_difference_of_one_security_option_can_be_seen_in_the_line_that_names_it(made: Made) -> None:
    options = [*ASKED["HostConfig"]["SecurityOpt"], "label=disable"]
    (difference,) = differences(ASKED, tampered(made, ("HostConfig", "SecurityOpt"), options))
    assert "label=disable" in difference
    assert "defaultAction" not in difference
