"""Versions of what a sandbox stands on and the engine does not speak of, read on this machine."""

from __future__ import annotations

import platform
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

QUERY_SECONDS = 5.0

Query = Callable[[Sequence[str]], str]

_DRIVER_QUERY = ("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
_TOOLKIT = re.compile(r"version\s+(\d+\.\d+\S*)")
_GVISOR = re.compile(r"version\s+\S*?(\d{8}(?:\.\d+)?)")
_DRIVER = re.compile(r"^\d+\.\d+\S*$", re.MULTILINE)
_DEBIAN_KERNEL = re.compile(r"Debian (\d+\.\d+\S*)")


@dataclass(frozen=True, slots=True)
class HostVersions:
    """What this machine has; None is not there, or did not answer in time, and is never guessed."""

    nvidia_driver: str | None = None
    nvidia_toolkit: str | None = None
    gvisor: str | None = None
    kernel_package: str | None = None


def read_host_versions(
    engine_kernel: str,
    query: Query | None = None,
    *,
    own_kernel: str | None = None,
    own_build: str | None = None,
) -> HostVersions:
    """Ask each program for its version, at most QUERY_SECONDS each; nothing is asked when the engine
    runs another kernel than we do, since what is installed here says nothing of its machine.

    `own_build` is our kernel's build text: Debian's release name keeps one number for years.
    """
    if engine_kernel != (platform.release() if own_kernel is None else own_kernel):
        return HostVersions()
    ask = query or _run
    return HostVersions(
        nvidia_driver=_asked(ask, _DRIVER_QUERY, _DRIVER),
        nvidia_toolkit=_asked(ask, ("nvidia-ctk", "--version"), _TOOLKIT),
        gvisor=_asked(ask, ("runsc", "--version"), _GVISOR),
        kernel_package=_found(_DEBIAN_KERNEL, platform.version() if own_build is None else own_build),
    )


def _asked(query: Query, command: Sequence[str], pattern: re.Pattern[str]) -> str | None:
    try:
        return _found(pattern, query(command))
    except (OSError, subprocess.SubprocessError):
        return None


def _found(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    return match[match.lastindex or 0] if match else None


def _run(command: Sequence[str]) -> str:
    finished = subprocess.run(  # noqa: S603 - fixed commands
        list(command), capture_output=True, text=True, timeout=QUERY_SECONDS, check=True
    )
    return finished.stdout
