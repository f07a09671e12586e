"""What published checks demand of a container, asked of one that an engine made.

Two lists: section 5 of the CIS Docker Benchmark (numbers of version 1.6.0), and the *restricted* level
of the Kubernetes Pod Security Standards, which includes *baseline*. Their demands are put in our own
words, as strictly as they are met here. They hold for containers that run candidate code; the one
that fills the data volume is trusted and runs as root. `attest.py` refuses any difference from the
body that was asked for, so a body that meets the yardstick is met by its container, or not started.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.sandbox.attest import MASKED, READ_ONLY
from orchestrator.sandbox.container import RUNNER

Body = Mapping[str, Any]
Holds = Callable[[Body, Body], bool]


@dataclass(frozen=True, slots=True)
class Check:
    """One demand: either `holds` answers it from what was asked for and what was made, or a reason
    says why there is nothing to answer."""

    name: str
    demand: str
    holds: Holds | None = None
    not_applicable: str = ""

    def __post_init__(self) -> None:
        if (self.holds is None) == (not self.not_applicable):
            raise ValueError(f"{self.name} needs an answer or a reason for having none")


def shortcomings(asked: Body, made: Body) -> list[Check]:
    """The checks that this container fails; `asked` is the body given to create, `made` is inspect's."""
    return [check for check in CHECKS if check.holds and not check.holds(asked, made)]


def _host(key: str, *allowed: Any) -> Holds:
    """A field of the host configuration holds one of these values."""
    return lambda _, made: any(_same(made["HostConfig"].get(key), value) for value in allowed)


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _nothing(*keys: str) -> Holds:
    """Fields of the host configuration are empty."""
    return lambda _, made: not any(made["HostConfig"].get(key) for key in keys)


def _options(made: Body) -> list[str]:
    """The security options, the old spelling with a colon put right."""
    options = map(str, made["HostConfig"].get("SecurityOpt") or ())
    return [each if "=" in each.partition(":")[0] else each.replace(":", "=", 1) for each in options]


def _no_option(*beginnings: str) -> Holds:
    return lambda _, made: not any(option.startswith(beginnings) for option in _options(made))


def _apparmor(_: Body, made: Body) -> bool:
    return made.get("AppArmorProfile") != "unconfined" and _no_option("apparmor=")(_, made)


def _no_host_paths(_: Body, made: Body) -> bool:
    host = made["HostConfig"]
    mounts = [*made["Mounts"], *(host.get("Mounts") or ())]
    return not host.get("Binds") and all(mount["Type"] == "volume" for mount in mounts)


def _no_engine_socket(_: Body, made: Body) -> bool:
    host = made["HostConfig"]
    sources = [str(mount.get("Source")) for mount in (*made["Mounts"], *(host.get("Mounts") or ()))]
    return not any(".sock" in source for source in (*sources, *(host.get("Binds") or ())))


def _our_runner_alone(_: Body, made: Body) -> bool:
    return [made["Path"], *made["Args"][:-1]] == ["python3", RUNNER] and len(made["Args"]) == 2


def _no_ports(_: Body, made: Body) -> bool:
    return not made["Config"].get("ExposedPorts") and _nothing("PortBindings", "PublishAllPorts")(_, made)


def _memory(_: Body, made: Body) -> bool:
    host = made["HostConfig"]
    return 0 < host["Memory"] == host["MemorySwap"] and not host.get("OomKillDisable")


def _granted_devices_only(asked: Body, made: Body) -> bool:
    granted, host = asked["HostConfig"], made["HostConfig"]
    return not host.get("DeviceCgroupRules") and _devices(host) == _devices(granted)


def _devices(host: Body) -> list[str]:
    """Nodes and cards by name; a request for cards that names none stands for all."""
    nodes = [str(device.get("PathOnHost")) for device in host.get("Devices") or ()]
    requests = host.get("DeviceRequests") or ()
    return nodes + [str(card) for request in requests for card in request.get("DeviceIDs") or ("all",)]


def _file_and_core_limits(_: Body, made: Body) -> bool:
    limits = {limit["Name"]: limit["Hard"] for limit in made["HostConfig"].get("Ulimits") or ()}
    return limits.get("core") == 0 and limits.get("nofile", 0) > 0


def _private_mounts(_: Body, made: Body) -> bool:
    return all((mount.get("Propagation") or "private") in {"private", "rprivate"} for mount in made["Mounts"])


def _seccomp_allowlist(_: Body, made: Body) -> bool:
    profiles = [option for option in _options(made) if option.startswith("seccomp=")]
    try:
        (profile,) = (json.loads(option.removeprefix("seccomp=")) for option in profiles)
    except ValueError:
        return False
    return str(profile["defaultAction"]) in {"SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS"}


def _no_new_privileges(_: Body, made: Body) -> bool:
    return bool({"no-new-privileges", "no-new-privileges=true"} & set(_options(made)))


def _very_image(asked: Body, made: Body) -> bool:
    digest = str(asked["Image"])
    return digest.startswith("sha256:") and made.get("Image") == made["Config"]["Image"] == digest


def _paths_hidden(_: Body, made: Body) -> bool:
    host = made["HostConfig"]
    return set(host.get("MaskedPaths") or ()) >= MASKED and set(host.get("ReadonlyPaths") or ()) >= READ_ONLY


def _user_id(made: Body) -> str:
    return str(made["Config"].get("User") or "").partition(":")[0]


def _named_user(_: Body, made: Body) -> bool:
    return _user_id(made) not in {"", "root"}


def _user_above_zero(_: Body, made: Body) -> bool:
    return _user_id(made).strip("0") != ""


def _nobody_joined(_: Body, made: Body) -> bool:
    return not made.get("ExecIDs")


def _never_restarted(_: Body, made: Body) -> bool:
    return bool(made["HostConfig"]["RestartPolicy"]["Name"] == "no")


def _positive(key: str) -> Holds:
    return lambda _, made: (made["HostConfig"].get(key) or 0) > 0


def _all(*demands: Holds) -> Holds:
    return lambda asked, made: all(holds(asked, made) for holds in demands)


_capabilities = _all(_nothing("CapAdd"), _host("CapDrop", ["ALL"]))
_no_network, _pid, _ipc = _host("NetworkMode", "none"), _host("PidMode", ""), _host("IpcMode", "private")
_cgroup = _all(_nothing("CgroupParent"), _host("CgroupnsMode", "private"))
_no_swarm = "a property of the engine; these are no swarm services"
_watched = "the host's own clock watches every container; a health check would run programs inside it"

CHECKS: tuple[Check, ...] = (
    Check("CIS 5.1", "swarm mode is off", not_applicable=_no_swarm),
    Check("CIS 5.2", "no AppArmor profile is taken away", _apparmor),
    Check("CIS 5.3", "no SELinux label is taken away or changed", _no_option("label=")),
    Check("CIS 5.4", "every capability is dropped and none added", _capabilities),
    Check("CIS 5.5", "it is not privileged", _host("Privileged", False)),
    Check("CIS 5.6", "no directory of the host is mounted, sensitive or not", _no_host_paths),
    Check("CIS 5.7", "our runner is started, and no ssh server", _our_runner_alone),
    Check("CIS 5.8", "no privileged port is mapped, nor any other", _nothing("PortBindings")),
    Check("CIS 5.9", "no port is open", _no_ports),
    Check("CIS 5.10", "it is not in the host's network namespace", _no_network),
    Check("CIS 5.11", "memory is limited, swap included, and the OOM killer on", _memory),
    Check("CIS 5.12", "processor time is limited", _positive("NanoCpus")),
    Check("CIS 5.13", "the root file system is read-only", _host("ReadonlyRootfs", True)),
    Check("CIS 5.14", "nothing is bound to an interface of the host", _nothing("PortBindings")),
    Check("CIS 5.15", "it is never restarted", _never_restarted),
    Check("CIS 5.16", "it has process ids of its own", _pid),
    Check("CIS 5.17", "it has shared memory and semaphores of its own", _ipc),
    Check("CIS 5.18", "it has no device but those granted", _granted_devices_only),
    Check("CIS 5.19", "limits on core dumps and open files are set", _file_and_core_limits),
    Check("CIS 5.20", "no mount is shared back to the host", _private_mounts),
    Check("CIS 5.21", "it has a host name of its own", _host("UTSMode", "")),
    Check("CIS 5.22", "a seccomp profile refuses what it does not name", _seccomp_allowlist),
    Check("CIS 5.23", "no privileged program was put into it", _nobody_joined),
    Check("CIS 5.24", "no program of another user was put into it", _nobody_joined),
    Check("CIS 5.25", "it is in the engine's own control group, and sees no other", _cgroup),
    Check("CIS 5.26", "it can gain no privileges", _no_new_privileges),
    Check("CIS 5.27", "its health is watched", not_applicable=_watched),
    Check("CIS 5.28", "it has the very image that was asked for, by digest", _very_image),
    Check("CIS 5.29", "the number of processes is limited", _positive("PidsLimit")),
    Check("CIS 5.30", "it is not on the bridge docker0", _no_network),
    Check("CIS 5.31", "it does not opt out of the engine's user namespace", _host("UsernsMode", "")),
    Check("CIS 5.32", "no engine's socket is mounted", _no_engine_socket),
    Check("PSS HostProcess", "no Windows host process", not_applicable="a field of Windows containers"),
    Check(
        "PSS Host Namespaces",
        "no network, process or ipc namespace of the host",
        _all(_no_network, _pid, _ipc),
    ),
    Check("PSS Privileged Containers", "it is not privileged", _host("Privileged", False)),
    Check("PSS Capabilities", "every capability is dropped and none added", _capabilities),
    Check("PSS HostPath Volumes", "no path of the host is mounted", _no_host_paths),
    Check("PSS Host Ports", "no port of the host is used", _nothing("PortBindings", "PublishAllPorts")),
    Check("PSS Host Probes", "no probe names a host", not_applicable="there are no probes and no hooks"),
    Check("PSS AppArmor", "the AppArmor profile is not taken away", _apparmor),
    Check("PSS SELinux", "no SELinux type, user or role is set", _no_option("label=")),
    Check("PSS /proc Mount Type", "the engine's masks over /proc and /sys are there", _paths_hidden),
    Check("PSS Seccomp", "a seccomp profile is set, and is not 'unconfined'", _seccomp_allowlist),
    Check("PSS Sysctls", "no kernel parameter is set", _nothing("Sysctls")),
    Check("PSS Volume Types", "volumes of the engine and tmpfs alone", _no_host_paths),
    Check("PSS Privilege Escalation", "it can gain no privileges", _no_new_privileges),
    Check("PSS Running as Non-root", "a user is named", _named_user),
    Check("PSS Running as Non-root user", "its number is not 0", _user_above_zero),
)
