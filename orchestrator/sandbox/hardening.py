"""What of this engine and this machine is weaker than it could be, and what of it no sandbox can stand on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.advisories import Component, exposed, is_packaged, sound_versions
from orchestrator.sandbox.engine_facts import EngineFacts
from orchestrator.sandbox.host_versions import HostVersions

_NAMES: dict[Component, str] = {
    "docker": "Docker", "runc": "runc", "gvisor": "gVisor", "toolkit": "NVIDIA toolkit", "kernel": "kernel",
}  # fmt: skip
_PACKAGES: dict[Component, str] = {
    "docker": "docker.io",
    "runc": "runc",
    "gvisor": "runsc",
    "toolkit": "nvidia-container-toolkit",
    "kernel": "linux-image-$(uname -r)",
}


@dataclass(frozen=True, slots=True)
class Weakness:
    """One thing that could be stronger, and how."""

    subject: str
    message: str
    remedy: str = ""


_GVISOR = (
    'apt-get install runsc, put {"runtimes": {"runsc": {"path": "/usr/bin/runsc", "runtimeArgs": '
    '["--network=none", "--platform=ptrace", "--oci-seccomp"]}}} into /etc/docker/daemon.json and restart '
    "the engine, or set sandbox.runtime: runc"
)


def obstacles(facts: EngineFacts, runtime: str) -> Iterator[Weakness]:
    """What makes a policy's limits void or every run fail, though this engine does not say so itself."""
    if runtime not in facts.runtimes:
        yield Weakness("engine", f"it has no runtime {runtime}", _GVISOR if runtime == "runsc" else "")
    elif runtime == "runsc" and not _filters(facts.runtime_arguments.get(runtime, ())):
        yield Weakness("engine", "its gVisor would ignore our seccomp profile", _GVISOR)
    if facts.cgroup_driver == "none":
        yield Weakness(
            "engine",
            "it enforces no limit on memory, processes or processors: it has no cgroups",
            "boot with cgroup v2 (systemd.unified_cgroup_hierarchy=1), or use an engine that runs as root",
        )
    if facts.secured_by("userns"):
        yield Weakness(
            "engine",
            "its userns-remap gives /out to a user that no container has: nothing could be saved",
            "take userns-remap out of daemon.json, or use rootless Docker on cgroup v2",
        )
    if not facts.secured_by("seccomp"):
        yield Weakness("engine", "it was built without seccomp", "use an engine and a kernel that have it")


def _filters(arguments: Sequence[str]) -> bool:
    return any(word.lstrip("-") in {"oci-seccomp", "oci-seccomp=true"} for word in arguments)


def weaknesses(facts: EngineFacts, versions: HostVersions, runtime: str) -> Iterator[Weakness]:
    """Everything that could be stronger for containers of this runtime; none of it stops a run."""
    for component, version in judged_versions(facts, versions, runtime):
        yield from _outdated(component, version)
    if not (facts.secured_by("rootless") or facts.secured_by("userns")):
        yield Weakness(
            "users", "root in a container is root here; rootless Docker on cgroup v2 would part them"
        )
    if not (facts.secured_by("apparmor") or facts.secured_by("selinux")):
        yield Weakness("confined", "neither AppArmor nor SELinux is in force: boot a kernel with one of them")
    if facts.cgroup_version == "1":
        yield Weakness("cgroup", "version 1, which runc has deprecated: systemd.unified_cgroup_hierarchy=1")
    if runtime == "runc":
        known = "is registered here" if "runsc" in facts.runtimes else "is not installed"
        yield Weakness("tier", f"runc: candidates speak to this kernel itself; gVisor (runsc) {known}")


def judged_versions(
    facts: EngineFacts, versions: HostVersions, runtime: str
) -> Iterator[tuple[Component, str]]:
    """The versions that stand between containers of this runtime and the host, as far as they are known."""
    found: dict[Component, str | None] = {
        "docker": facts.version if facts.product == "Docker" else None,
        "runc": facts.components.get("runc") if runtime == "runc" else None,
        "gvisor": versions.gvisor if runtime == "runsc" else None,
        "toolkit": versions.nvidia_toolkit,
        "kernel": versions.kernel_package or facts.kernel,
    }
    return ((component, version) for component, version in found.items() if version)


def _outdated(component: Component, version: str) -> Iterator[Weakness]:
    advisories = exposed(component, version)
    if not advisories:
        return
    worst, others = advisories[-1], len(advisories) - 1
    which = worst.identity + (f" and {others} more" if others else "")
    remedy = f"update to {', '.join(sound_versions(component)[-3:])} or later"
    if component == "kernel" or is_packaged(version):
        remedy = f"look for the fix in 'apt changelog {_PACKAGES[component]}', else {remedy}"
    message = f"{_NAMES[component]} {version} is older than upstream's fix for {which}"
    yield Weakness("version", f"{message} ({worst.what})", f"{remedy}; meanwhile {worst.here}")
