"""Compares a created container with what was asked for, field by field, before it is started."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

_NOTHING: tuple[Any, ...] = (None, False, "", 0, [], {})

_MUST_BE_EMPTY = (
    "Binds",
    "CapAdd",
    "CgroupParent",
    "DeviceCgroupRules",
    "DeviceRequests",
    "Devices",
    "ExtraHosts",
    "GroupAdd",
    "Links",
    "OomKillDisable",
    "PidMode",
    "PortBindings",
    "Privileged",
    "PublishAllPorts",
    "Sysctls",
    "UTSMode",
    "UsernsMode",
    "VolumesFrom",
)

_MUST_BE_MASKED = ("MaskedPaths", "ReadonlyPaths")


def differences(asked: Mapping[str, Any], made: Mapping[str, Any]) -> list[str]:
    """Each way in which the engine's container is not the one asked for; empty means equal.

    `asked` is the body given to create, `made` what inspect says. Anything dangerous that was not
    asked for must be absent, whatever the engine's own defaults are.
    """
    return [*_config_differences(asked, made["Config"]), *_host_differences(asked["HostConfig"], made)]


def digest(made: Mapping[str, Any]) -> str:
    """SHA-256 of the effective configuration, names and times left out."""
    kept = {"Config": _without(made["Config"], "Hostname"), "HostConfig": made["HostConfig"]}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _config_differences(asked: Mapping[str, Any], made: Mapping[str, Any]) -> Iterator[str]:
    for key in ("Image", "Entrypoint", "Cmd", "User", "Tty", "OpenStdin", "StdinOnce"):
        if made.get(key) != asked[key]:
            yield f"Config.{key} is {made.get(key)!r}, not {asked[key]!r}"
    missing = dict(asked["Labels"]).items() - dict(made.get("Labels") or {}).items()
    if missing:
        yield f"Config.Labels lacks {sorted(missing)}"
    absent = set(asked["Env"]) - set(made["Env"] or ())
    if absent:
        yield f"Config.Env lacks {sorted(absent)}"
    if made.get("ExposedPorts") or made.get("Volumes"):
        yield "Config has ports or volumes that nobody asked for"


def _host_differences(asked: Mapping[str, Any], made: Mapping[str, Any]) -> Iterator[str]:
    host = made["HostConfig"]
    for key, value in asked.items():
        if _canonical(key, host.get(key)) != _canonical(key, value):
            yield f"HostConfig.{key} is {host.get(key)!r:.80}, not {value!r:.80}"
    for key in _MUST_BE_EMPTY:
        if key not in asked and host.get(key) not in _NOTHING:
            yield f"HostConfig.{key} is {host[key]!r:.80}, though nobody asked for it"
    for key in _MUST_BE_MASKED:
        if not host.get(key):
            yield f"HostConfig.{key} is empty"
    expected = {(m["Type"], m["Source"], m["Target"], not m["ReadOnly"]) for m in asked["Mounts"]}
    actual = {(m["Type"], m.get("Name"), m["Destination"], m["RW"]) for m in made["Mounts"]}
    if actual != expected:
        yield f"Mounts are {sorted(actual, key=str)}, not {sorted(expected, key=str)}"


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
