"""The positive control of a hostile program: the same file where what stops it is taken away.

    lift GUARD, GUARD     its container without these guards, all others in place; it must get through
    naive reader          its output read by a reader that trusts it; it must be believed
    train container       what it does in the model container is done where it is allowed; it must succeed
    same container        run twice in one container; the second run must find what the first one left
    naive record: FORM    its texts put into a record that trusts them; they must break it (see naive.py)
    outlives TERM         asked to stop, and not killed; it must still run a second later

Guards that are lifted beside follow a comma: `naive reader, seccomp`. A program that does not succeed
there proves nothing where it is stopped, and is called vacuous.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

ROOM = 16  # times the sealed limit
# All but SYS_RESOURCE, which an engine in a virtual machine may lack itself.
CAPABILITIES = (
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MKNOD",
    "NET_ADMIN",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_TIME",
)


@dataclass(frozen=True, slots=True)
class Control:
    """What is taken away, or who is naive."""

    kind: Literal["lift", "naive reader", "naive record", "outlives", "same container"]
    lifts: tuple[str, ...] = ()
    form: str = ""


@dataclass(frozen=True, slots=True)
class Places:
    """What an escape would reach, for controls that are shown it: host paths and a neighbour's volume."""

    host_folder: str
    held_out: str
    engine_socket: str
    neighbour_volume: str
    secret: str


def read_control(text: str) -> Control:
    """Raises ValueError for what is no control."""
    head, _, tail = text.partition(" ")
    lifts = tuple(word.strip() for word in tail.split(",") if word.strip())
    if head == "lift" and lifts and set(lifts) <= GUARDS.keys():
        return Control("lift", lifts)
    if text == "train container":
        return Control("lift")
    if text == "outlives TERM":
        return Control("outlives")
    kind, *guards = [word.strip() for word in text.split(",")]
    if kind == "naive reader" and set(guards) <= GUARDS.keys():
        return Control("naive reader", ("output", *guards))
    if kind == "same container" and set(guards) <= GUARDS.keys():
        return Control("same container", tuple(guards))
    if text.startswith("naive record: "):
        return Control("naive record", form=text.removeprefix("naive record: "))
    raise ValueError(f"{text!r} is not a control; guards are {', '.join(sorted(GUARDS))}")


def lifted(body: Mapping[str, Any], lifts: Sequence[str], places: Places) -> dict[str, Any]:
    """A container's body with these guards taken away, and nothing else changed."""
    changed = copy.deepcopy(dict(body))
    for lift in lifts:
        GUARDS[lift](changed, changed["HostConfig"], places)
    return changed


Lift = Callable[[dict[str, Any], dict[str, Any], Places], None]


def _network(body: dict[str, Any], host: dict[str, Any], _: Places) -> None:
    body["NetworkDisabled"] = False
    host["NetworkMode"] = "host"


def _without_option(prefix: str, instead: str = "") -> Lift:
    def lift(_: dict[str, Any], host: dict[str, Any], __: Places) -> None:
        kept = [option for option in host["SecurityOpt"] if not option.startswith(prefix)]
        host["SecurityOpt"] = kept + [instead] * bool(instead)

    return lift


def _set(**values: Any) -> Lift:
    def lift(_: dict[str, Any], host: dict[str, Any], __: Places) -> None:
        host.update(values)

    return lift


def _user(body: dict[str, Any], host: dict[str, Any], _: Places) -> None:
    """Root without a capability, which needs scratch space of its own."""
    body["User"] = "0:0"
    owner, root = "uid=65534,gid=65534", "uid=0,gid=0"
    host["Tmpfs"] = {target: options.replace(owner, root) for target, options in host["Tmpfs"].items()}


def _capabilities(body: dict[str, Any], host: dict[str, Any], _: Places) -> None:
    body["User"] = "0:0"
    host.update(CapDrop=[], CapAdd=list(CAPABILITIES))


def _scaled(*names: str) -> Lift:
    def lift(_: dict[str, Any], host: dict[str, Any], __: Places) -> None:
        host.update({name: host[name] * ROOM for name in names})

    return lift


def _memory(_: dict[str, Any], host: dict[str, Any], __: Places) -> None:
    host["Memory"] = host["MemorySwap"] = host["Memory"] * 4


def _open_files(_: dict[str, Any], host: dict[str, Any], __: Places) -> None:
    for limit in host["Ulimits"]:
        if limit["Name"] == "nofile":
            limit.update(Soft=limit["Soft"] * ROOM, Hard=limit["Hard"] * ROOM)


def _core(_: dict[str, Any], host: dict[str, Any], __: Places) -> None:
    for limit in host["Ulimits"]:
        if limit["Name"] == "core":
            limit["Hard"] = 1 << 30  # the engine's own default may be nothing too


def _tmpfs(old: str, new: str) -> Lift:
    def lift(_: dict[str, Any], host: dict[str, Any], __: Places) -> None:
        host["Tmpfs"] = {target: options.replace(old, new) for target, options in host["Tmpfs"].items()}

    return lift


def _scratch(_: dict[str, Any], host: dict[str, Any], __: Places) -> None:
    host["Tmpfs"] = {
        target: ",".join(word for word in options.split(",") if not word.startswith("size="))
        for target, options in host["Tmpfs"].items()
    }


def _output(_: dict[str, Any], host: dict[str, Any], __: Places) -> None:
    """A roomy scratch space in the output's place, which may hold what the real one refuses."""
    host["Mounts"] = [mount for mount in host["Mounts"] if mount["Target"] != "/out"]
    host["Tmpfs"]["/out"] = "rw,exec,uid=65534,gid=65534,mode=0700"


def _plain_output(_: dict[str, Any], host: dict[str, Any], __: Places) -> None:
    """A scratch space as small as the output, in its place: a control shares no volume with anybody."""
    host["Mounts"] = [mount for mount in host["Mounts"] if mount["Target"] != "/out"]
    host["Tmpfs"]["/out"] = "rw,noexec,nosuid,nodev,size=16m,nr_inodes=64,uid=65534,gid=65534,mode=0700"


def _data(_: dict[str, Any], host: dict[str, Any], __: Places) -> None:
    for mount in host["Mounts"]:
        mount["ReadOnly"] = False


def _bind(*pairs: tuple[str, str]) -> Lift:
    def lift(_: dict[str, Any], host: dict[str, Any], places: Places) -> None:
        host["Binds"] = [f"{getattr(places, source)}:{target}" for source, target in pairs]

    return lift


def _neighbour(_: dict[str, Any], host: dict[str, Any], places: Places) -> None:
    host["Mounts"].append({"Type": "volume", "Source": places.neighbour_volume, "Target": "/neighbour"})


def _environment(body: dict[str, Any], _: dict[str, Any], places: Places) -> None:
    body["Env"] = [*body["Env"], f"OPENAI_API_KEY={places.secret}"]


def _neighbours_user(body: dict[str, Any], _: dict[str, Any], __: Places) -> None:
    body["User"] = "65534:65534"


def _host_devices(_: dict[str, Any], host: dict[str, Any], __: Places) -> None:
    host["Devices"] = [
        {"PathOnHost": path, "PathInContainer": path, "CgroupPermissions": "rw"}
        for path in ("/dev/kmsg", "/dev/net/tun")
    ]


def _confinement(_: dict[str, Any], host: dict[str, Any], __: Places) -> None:
    """No profile at all: neither ours, nor one that the engine adds of itself."""
    host["SecurityOpt"] = ["seccomp=unconfined", "apparmor=unconfined"]


GUARDS: Mapping[str, Lift] = {
    "network": _network,
    "seccomp": _without_option("seccomp=", "seccomp=unconfined"),
    "privileges": _without_option("no-new-privileges"),
    "user": _user,
    "capabilities": _capabilities,
    "confinement": _confinement,
    "root": _set(ReadonlyRootfs=False),
    "masks": _set(MaskedPaths=[], ReadonlyPaths=[]),
    "processes": _set(PidMode="host"),
    "ipc": _set(IpcMode="host"),
    "cgroup": _set(CgroupnsMode="host"),
    "score adjust": _set(OomScoreAdj=0),
    "pids": _scaled("PidsLimit"),
    "cpus": _scaled("NanoCpus"),
    "shm": _scaled("ShmSize"),
    "memory": _memory,
    "open files": _open_files,
    "core": _core,
    "scratch": _scratch,
    "exec": _tmpfs("noexec", "exec"),
    "setuid": _tmpfs("nosuid", "suid"),
    "device nodes": _tmpfs("nodev", "dev"),
    "output": _output,
    "plain output": _plain_output,
    "data": _data,
    "host folder": _bind(("host_folder", "/host")),
    "held-out": _bind(("held_out", "/held-out")),
    "engine socket": _bind(("engine_socket", "/var/run/docker.sock")),
    "neighbour": _neighbour,
    "environment": _environment,
    "host devices": _host_devices,
    "own user": _neighbours_user,
    "terminals": _set(Binds=["/dev/pts:/dev/terminals"]),
    "cgroup files": _set(Binds=["/sys/fs/cgroup:/sys/fs/cgroup"]),
}
