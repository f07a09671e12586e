"""The engine's own JSON for one container, as the flags of `docker run` that would make the same one.

Derived from what is sent to the engine, so that what is explained is what is done. A field without a
translation is an error, never left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.policy import SandboxPolicy
from orchestrator.sandbox.container import MIB, Mode, Outfit, container_body, output_options

OUT_VOLUME = "OUT"
"""The name that the volume of an attempt's output gets here; the real one is drawn for each attempt."""
USER = "USER"
"""What a record has for the user of a container, which is drawn for each run."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag, and what it does in plain words."""

    text: str
    words: str


def docker_flags(body: Mapping[str, Any], seccomp: str) -> tuple[Flag, ...]:
    """The flags between `docker create` and the image; `seccomp` is the path of the profile's file.

    Raises KeyError for a field that is not known here.
    """
    fields = {**body, **body["HostConfig"]}
    found: list[Flag] = []
    for name, value in fields.items():
        write, words = _FIELDS[name]
        found += [Flag(text, words) for text in write(value)]
    return tuple(replace(flag, text=_with_path(flag.text, seccomp)) for flag in found)


def run_flags(outfit: Outfit, mode: Mode, seccomp: str) -> tuple[Flag, ...]:
    """The flags of one container of an attempt."""
    return docker_flags(container_body(outfit, mode, out_volume=OUT_VOLUME), seccomp)


def volume_flags(policy: SandboxPolicy, user: int) -> tuple[Flag, ...]:
    """The flags of `docker volume create` for the attempt's output."""
    words = "/out in memory, capped in size and number of files, entered by one user alone, nothing executes"
    return tuple(Flag(f"--opt={name}={value}", words) for name, value in output_options(policy, user).items())


def recorded_flags(outfit: Outfit) -> dict[str, list[str]]:
    """What a record keeps of the containers that all attempts get: the flags of each, and of their output.

    The system calls' profile stands there by its SHA-256.
    """
    profile = f"sha256:{hashlib.sha256(outfit.seccomp.encode()).hexdigest()}"
    flags = {
        "train": run_flags(outfit, outfit.training, profile),
        "model": run_flags(outfit, outfit.serving, profile),
        "smoke": run_flags(outfit, "smoke", profile),
        "output": volume_flags(outfit.policy, outfit.user),
    }
    return {name: [_of_any_user(flag.text, outfit.user) for flag in each] for name, each in flags.items()}


def _of_any_user(text: str, user: int) -> str:
    named = text.replace(f"uid={user},gid={user}", f"uid={USER},gid={USER}")
    return f"--user={USER}:{USER}" if text == f"--user={user}:{user}" else named


def flags_by_key(outfit: Outfit, seccomp: str) -> dict[str, tuple[str, ...]]:
    """Each key of the section with the flags that depend on it: found by changing the key, not by a list."""
    before = _texts(outfit, seccomp)
    return {
        name: tuple(text for text in before if text not in _texts(_with_another(outfit, name), seccomp))
        for name in type(outfit.policy).model_fields
    }


def _texts(outfit: Outfit, seccomp: str) -> list[str]:
    flags = [*run_flags(outfit, outfit.training, seccomp), *volume_flags(outfit.policy, outfit.user)]
    return [flag.text for flag in flags]


def _with_another(outfit: Outfit, name: str) -> Outfit:
    value = getattr(outfit.policy, name)
    policy = outfit.policy.model_copy(update={name: f"not {value}" if isinstance(value, str) else value + 1})
    return replace(outfit, policy=policy, cpus=policy.cpus)


def _with_path(text: str, seccomp: str) -> str:
    start = "--security-opt=seccomp="
    return start + seccomp if text.startswith(start) else text


Write = Callable[[Any], Iterator[str]]


def _one(flag: str) -> Write:
    return lambda value: iter((f"{flag}={value}",))


def _each(flag: str) -> Write:
    return lambda values: (f"{flag}={value}" for value in values)


def _switch(flag: str) -> Write:
    return lambda value: iter((flag if value is True else f"{flag}={str(value).lower()}",))


def _size(flag: str) -> Write:
    return lambda value: iter((f"{flag}={value}b" if value % MIB else f"{flag}={value // MIB}m",))


def _pairs(flag: str, between: str) -> Write:
    return lambda values: (f"{flag}={name}{between}{value}" for name, value in values.items())


def _nothing(_: Any) -> Iterator[str]:
    return iter(())


def _stdin(value: bool) -> Iterator[str]:
    return iter(("--interactive",) if value else ())


def _shares(value: int) -> Iterator[str]:
    return iter((f"--cpu-shares={value}",) if value else ())


def _limits(values: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    return (f"--ulimit={each['Name']}={each['Soft']}:{each['Hard']}" for each in values)


def _mounts(values: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for each in values:
        closed = ",readonly" if each["ReadOnly"] else ""
        place = f"source={each['Source']},target={each['Target']}"
        yield f"--mount=type={each['Type']},{place}{closed},volume-nocopy"


def _devices(values: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    return (
        f"--device={each['PathOnHost']}:{each['PathInContainer']}:{each['CgroupPermissions']}"
        for each in values
    )


def _requests(values: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for each in values:
        names = ",".join(each["DeviceIDs"])
        able = ",".join(name for group in each["Capabilities"] or [] for name in group if name != "gpu")
        cdi = f"--device={names}"
        yield cdi if each["Driver"] == "cdi" else f'--gpus="device={names}","capabilities={able}"'


_FIELDS: dict[str, tuple[Write, str]] = {
    "Image": (_nothing, ""),
    "Entrypoint": (lambda words: iter((f"--entrypoint={words[0]}",)), "our runner, never the image's own"),
    "Cmd": (_nothing, ""),
    "User": (_one("--user"), "an unprivileged user; each attempt gets another one that nobody else has"),
    "Env": (_each("--env"), "nothing of the host's environment"),
    "Labels": (_pairs("--label", "="), "so that what a dead run left is found and removed"),
    "WorkingDir": (_one("--workdir"), "where it starts"),
    "NetworkDisabled": (_nothing, ""),
    "OpenStdin": (_stdin, "files go in and answers come out through standard streams alone"),
    "StdinOnce": (_nothing, ""),
    "AttachStdin": (_nothing, ""),
    "AttachStdout": (_nothing, ""),
    "AttachStderr": (_nothing, ""),
    "Tty": (_switch("--tty"), "no terminal"),
    "HostConfig": (_nothing, ""),
    "NetworkMode": (_one("--network"), "no network but a loopback of its own"),
    "ReadonlyRootfs": (_switch("--read-only"), "the image cannot be changed"),
    "Privileged": (_switch("--privileged"), "not privileged"),
    "CapDrop": (_each("--cap-drop"), "no capability of root is left"),
    "SecurityOpt": (
        _each("--security-opt"),
        "nothing in it can gain rights; system calls are an allowlist of ours",
    ),
    "Runtime": (_one("--runtime"), "runc: the host's kernel; runsc: gVisor's kernel in between"),
    "Init": (_switch("--init"), "ended processes are reaped"),
    "IpcMode": (_one("--ipc"), "shared memory of its own"),
    "CgroupnsMode": (_one("--cgroupns"), "it does not see the host's control groups"),
    "PidsLimit": (_one("--pids-limit"), "at most so many processes and threads"),
    "Memory": (_size("--memory"), "at most so much memory"),
    "MemorySwap": (_size("--memory-swap"), "the same with swap, so no swap"),
    "NanoCpus": (lambda value: iter((f"--cpus={value / 1e9:g}",)), "at most so many processors' time"),
    "CpuShares": (_shares, "its share of a busy processor"),
    "OomScoreAdj": (_one("--oom-score-adj"), "the first to go when the host runs out of memory"),
    "ShmSize": (_size("--shm-size"), "the size of /dev/shm"),
    "Ulimits": (_limits, "no core dumps; at most so many open files in a process"),
    "Tmpfs": (_pairs("--tmpfs", ":"), "scratch space in memory, sized; only /work may execute"),
    "Mounts": (_mounts, "named volumes, never a path of the host; data read-only"),
    "LogConfig": (
        lambda value: iter((f"--log-driver={value['Type']}",)),
        "the engine keeps no log; the host caps it",
    ),
    "RestartPolicy": (lambda value: iter((f"--restart={value['Name']}",)), "never started again"),
    "DeviceRequests": (_requests, "the one card, by its identity"),
    "Devices": (_devices, "the one card's device nodes"),
    "GroupAdd": (_each("--group-add"), "the groups that own those nodes"),
}
