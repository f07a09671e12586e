"""Compares a created container with what was asked for, field by field, before it is started.

What was asked for must be there, and whatever else the engine reports must be nothing: a field that
this file has never heard of is a difference as soon as it holds something. Not compared are names,
times, paths of the engine's own files, and what only matters to builds or to the client's terminal
(OnBuild, Shell, ConsoleSize), to a stop that we do not use (StopSignal, StopTimeout), or without swap
(MemorySwappiness). `yardstick.py` says what published checks demand of the result.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_NOTHING: tuple[Any, ...] = (None, False, "", 0, [], {})

_IRRELEVANT = frozenset({"ConsoleSize", "MemorySwappiness"})
_COMPARED = ("Image", "Entrypoint", "Cmd", "User", "WorkingDir", "Tty", "OpenStdin", "StdinOnce")
_ATTACHED = ("AttachStdin", "AttachStdout", "AttachStderr")

# What every engine since 20.10 hides of /proc and /sys; newer ones hide more.
_HIDDEN = ("acpi", "kcore", "keys", "latency_stats", "timer_list", "sched_debug", "scsi")
MASKED = frozenset({*(f"/proc/{name}" for name in _HIDDEN), "/sys/firmware"})
READ_ONLY = frozenset(f"/proc/{name}" for name in ("bus", "fs", "irq", "sys", "sysrq-trigger"))
_PATHS = {"MaskedPaths": MASKED, "ReadonlyPaths": READ_ONLY}


def differences(asked: Mapping[str, Any], made: Mapping[str, Any]) -> list[str]:
    """Each way in which the engine's container is not the one asked for; empty means equal.

    `asked` is the body given to create, `made` what inspect says. Anything that was not asked for
    must be absent, whatever the engine's own defaults are.
    """
    return [
        *_config_differences(asked, made["Config"]),
        *_host_differences(asked["HostConfig"], made["HostConfig"]),
        *_mount_differences(asked["HostConfig"]["Mounts"], made["Mounts"]),
        *_other_differences(asked, made),
    ]


def digest(made: Mapping[str, Any]) -> str:
    """SHA-256 of the effective configuration, names and times left out."""
    kept = {"Config": _without(made["Config"], "Hostname"), "HostConfig": made["HostConfig"]}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _config_differences(asked: Mapping[str, Any], made: Mapping[str, Any]) -> Iterator[str]:
    for key in (*_COMPARED, *_ATTACHED):
        if made.get(key) != asked[key]:
            yield f"Config.{key} is {made.get(key)!r}, not {asked[key]!r}"
    missing = dict(asked["Labels"]).items() - dict(made.get("Labels") or {}).items()
    if missing:
        yield f"Config.Labels lacks {sorted(missing)}"
    yield from _environment_differences(asked["Env"], made.get("Env") or ())
    if made.get("ExposedPorts") or made.get("Volumes"):
        yield "Config has ports or volumes that nobody asked for"
    if made.get("Healthcheck"):
        yield "Config.Healthcheck would start a program that nobody asked for"


def _environment_differences(asked: Sequence[str], made: Sequence[str]) -> Iterator[str]:
    """What was asked for is there, and no second value for it; the image may add names of its own."""
    if absent := set(asked) - set(made):
        yield f"Config.Env lacks {sorted(absent)}"
        return
    names = {entry.partition("=")[0] for entry in asked}
    more = [entry for entry in made if entry not in asked and entry.partition("=")[0] in names]
    if more:
        yield f"Config.Env has a second value: {sorted(more)}"


def _host_differences(asked: Mapping[str, Any], host: Mapping[str, Any]) -> Iterator[str]:
    for key, value in asked.items():
        if _canonical(key, host.get(key)) != _canonical(key, value):
            yield f"HostConfig.{key} is {_shown(host.get(key))}, not {_shown(value)}"
    for key in sorted(host.keys() - asked.keys() - _PATHS.keys() - _IRRELEVANT):
        if host[key] not in _NOTHING:
            yield f"HostConfig.{key} is {_shown(host[key])}, though nobody asked for it"
    for key, least in _PATHS.items():
        if open_paths := least - set(host.get(key) or ()):
            yield f"HostConfig.{key} lacks {sorted(open_paths)}"


def _mount_differences(asked: list[dict[str, Any]], made: list[dict[str, Any]]) -> Iterator[str]:
    expected = {(m["Type"], m["Source"], m["Target"], not m["ReadOnly"], "") for m in asked}
    actual = {(m["Type"], m.get("Name"), m["Destination"], m["RW"], m.get("Propagation") or "") for m in made}
    if actual != expected:
        yield f"Mounts are {sorted(actual, key=str)}, not {sorted(expected, key=str)}"


def _other_differences(asked: Mapping[str, Any], made: Mapping[str, Any]) -> Iterator[str]:
    """What inspect reports beside the two configurations."""
    command = [made.get("Path"), *(made.get("Args") or ())]
    if command != [*asked["Entrypoint"], *asked["Cmd"]]:
        yield f"the command is {command}"
    if made.get("Image") != asked["Image"]:
        yield f"Image is {made.get('Image')!r}, not {asked['Image']!r}"
    if made.get("AppArmorProfile") == "unconfined":
        yield "AppArmorProfile is 'unconfined'"
    if made.get("ExecIDs"):
        yield "ExecIDs is not empty: another program runs in it"
    if (status := (made.get("State") or {}).get("Status", "created")) != "created":
        yield f"State is {status!r} before anybody started it"
    if networks := set((made.get("NetworkSettings") or {}).get("Networks") or ()) - {"none"}:
        yield f"Networks are {sorted(networks)}"


def _shown(value: Any) -> str:
    """A value in at most one line; a seccomp profile, which is pages, by its digest."""
    if isinstance(value, list):
        value = [_profile_digest(each) if str(each).startswith("seccomp={") else each for each in value]
    return f"{value!r:.120}"


def _profile_digest(option: str) -> str:
    return f"seccomp={hashlib.sha256(option.encode()).hexdigest()[:12]}"


def _canonical(key: str, value: Any) -> Any:
    if key in {"CapDrop", "SecurityOpt", "GroupAdd"}:
        return sorted(value or ())
    if key == "DeviceRequests":
        return [{name: part for name, part in request.items() if part} for request in value or ()]
    if key == "Ulimits":
        return sorted((limit["Name"], limit["Hard"], limit["Soft"]) for limit in value or ())
    if key == "Mounts":
        return [{name: part for name, part in mount.items() if part} for mount in value or ()]
    return value


def _without(mapping: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name != key}
