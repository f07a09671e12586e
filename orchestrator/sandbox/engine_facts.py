"""What an engine says of itself and of its machine, for the checks before a run and for the records."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

_VERSION = re.compile(r"\d+(?:\.\d+)+[^\s,]*")
_IN_BRACKETS = re.compile(r"\((\w+)\)")


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """An engine's versions, limits and hardening, in its own words; an empty text is what it did not say.

    `components` maps a part (`runc`, `containerd`, `crun`) to its version. `security` has the options
    in force (`seccomp`, `apparmor`, `selinux`, `userns`, `rootless`), each with its profile if it names one.
    """

    product: Literal["Docker", "Podman"]
    version: str
    api_version: str
    components: Mapping[str, str]
    cpus: int
    memory_bytes: int
    runtimes: tuple[str, ...]
    runtime_arguments: Mapping[str, tuple[str, ...]]
    kernel: str
    operating_system: str
    cdi_devices: tuple[str, ...]
    root_dir: str
    storage_driver: str
    cgroup_version: str
    cgroup_driver: str
    security: tuple[str, ...]

    def secured_by(self, option: str) -> bool:
        """Whether a security option, named without its profile, is in force."""
        return any(entry.partition(",")[0] == option for entry in self.security)


def read_facts(info: Mapping[str, Any], version: Mapping[str, Any]) -> EngineFacts:
    """The facts in the engine's answers to `info` and `version`."""
    parts = version.get("Components") or ()
    return EngineFacts(
        product="Podman" if any("Podman" in part["Name"] for part in parts) else "Docker",
        version=info["ServerVersion"],
        api_version=version.get("ApiVersion", ""),
        components=dict(_component(part) for part in parts if "Engine" not in part["Name"]),
        cpus=info["NCPU"],
        memory_bytes=info["MemTotal"],
        runtimes=tuple(info["Runtimes"]),
        runtime_arguments={n: tuple(r.get("runtimeArgs") or ()) for n, r in info["Runtimes"].items()},
        kernel=info["KernelVersion"],
        operating_system=info.get("OperatingSystem", ""),
        cdi_devices=tuple(device.get("ID", "") for device in info.get("DiscoveredDevices") or ()),
        root_dir=info["DockerRootDir"],
        storage_driver=info.get("Driver", ""),
        cgroup_version=info.get("CgroupVersion", ""),
        cgroup_driver=info.get("CgroupDriver", ""),
        security=tuple(text.removeprefix("name=") for text in info.get("SecurityOptions") or ()),
    )


def _component(part: Mapping[str, Any]) -> tuple[str, str]:
    """A part's short name and its version; Debian keeps its own revision in the commit's place."""
    inner = _IN_BRACKETS.search(part["Name"])
    found = _VERSION.search(part.get("Version") or "")
    number = found[0] if found else ""
    commit = str((part.get("Details") or {}).get("GitCommit") or "")
    return inner[1] if inner else part["Name"], commit if number and commit.startswith(number) else number
