"""Published escapes and the versions that mend them: a dated table, and how a version is judged by it.

Read in the projects' own advisories and release notes on the day of `AS_OF`; what is not there was
not looked for. A distribution mends old versions without changing their number, so "older than
upstream's fix" is a reason to look, not a verdict.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

AS_OF = "2026-11-24"

Component = Literal["docker", "runc", "gvisor", "toolkit", "kernel"]
Version = tuple[int, int, int, int]

_NUMBER = re.compile(r"(?:\d+:)?(?:release-|v)?(\d+(?:\.\d+)*)(.*)", re.DOTALL)
_EARLY = re.compile(r"[-~.]?(?:rc|beta|alpha)")
_PACKAGED = re.compile(r"[+~](?:ds|dfsg|deb)|ubuntu|\.el\d|\.fc\d")


@dataclass(frozen=True, slots=True)
class Advisory:
    """One way out of a container: `fixed` has the first sound version of each release line that
    upstream mended, `since` the first that had it, and `here` says what stands in its way in this project."""

    component: Component
    identity: str
    fixed: tuple[str, ...]
    what: str
    here: str
    since: str = "0"


_OUR_IMAGE = "the image is your own and its root is read-only"
_OUR_ARCHIVES = "nothing here uses docker cp, archives or host mounts"

ADVISORIES = (
    Advisory("docker", "CVE-2026-17106", ("29.7.0",), "archives follow links", _OUR_ARCHIVES),
    Advisory("docker", "CVE-2026-41567", ("29.5.1",), "an upload runs on the host", _OUR_ARCHIVES),
    Advisory("runc", "CVE-2026-119101", ("1.3.7", "1.4.4", "1.5.3"), "restored mounts", _OUR_IMAGE),
    Advisory("runc", "CVE-2026-41579", ("1.3.6", "1.4.3", "1.5.0"), "a link for /dev", _OUR_IMAGE),
    Advisory("runc", "CVE-2025-31133", ("1.2.8", "1.3.3", "1.4.0"), "masked paths race", _OUR_IMAGE),
    Advisory("runc", "CVE-2025-52565", ("1.2.8", "1.3.3", "1.4.0"), "/dev/console race", _OUR_IMAGE),
    Advisory("runc", "CVE-2025-52881", ("1.2.8", "1.3.3", "1.4.0"), "redirected writes", _OUR_IMAGE),
    Advisory("runc", "CVE-2024-21626", ("1.1.12",), "a leaked descriptor", _OUR_IMAGE),
    # Mended by a commit; the first weekly release after it was published.
    Advisory("gvisor", "CVE-2026-96812", ("20260928.0",), "device nodes reach the host", _OUR_IMAGE),
    Advisory("toolkit", "CVE-2026-24260", ("1.19.1",), "a race while mounting", _OUR_IMAGE),
    Advisory("toolkit", "CVE-2025-23266", ("1.17.8",), "hooks load the image's code", _OUR_IMAGE),
    Advisory("toolkit", "CVE-2025-23359", ("1.17.4",), "a race while mounting", _OUR_IMAGE),
    Advisory("toolkit", "CVE-2024-0132", ("1.16.2",), "a race while mounting", _OUR_IMAGE),
    Advisory(
        "kernel",
        "CVE-2026-31431",
        ("5.10.254", "5.15.204", "6.1.170", "6.6.137", "6.12.85", "6.18.22", "6.19.12", "7.0"),
        "Copy Fail, writes to any file's cached pages",
        "the seccomp profile refuses the sockets that it needs",
        since="4.14",
    ),
)


def parse_version(text: str) -> Version | None:
    """The first three numbers, and 0 for a release candidate or 1; None for what is no version."""
    match = _NUMBER.match(text.strip())
    if not match:
        return None
    numbers = [int(number) for number in match[1].split(".")][:3]
    first, second, third = [*numbers, 0, 0][:3]
    return first, second, third, 0 if _EARLY.match(match[2]) else 1


def is_packaged(text: str) -> bool:
    """Whether a version carries a distribution's suffix: its fixes may be in, whatever its number."""
    return bool(_PACKAGED.search(text))


def exposed(component: Component, version: str) -> list[Advisory]:
    """The advisories that upstream mended only after this version; none for what is no version."""
    parsed = parse_version(version)
    if parsed is None:
        return []
    known = [advisory for advisory in ADVISORIES if advisory.component == component]
    return [advisory for advisory in known if _affects(advisory, parsed)]


def sound_versions(component: Component) -> tuple[str, ...]:
    """The first version of each release line that nothing in the table affects."""
    fixes = [fixed for advisory in ADVISORIES if advisory.component == component for fixed in advisory.fixed]
    sound = sorted({fixed for fixed in fixes if not exposed(component, fixed)}, key=_order)
    lines = {_order(fixed)[:2]: fixed for fixed in reversed(sound)}
    return tuple(sorted(lines.values(), key=_order))


def _affects(advisory: Advisory, version: Version) -> bool:
    if version < _order(advisory.since):
        return False
    fixed = _parsed(advisory.fixed)
    own_line = [fix for fix in fixed if fix[:2] == version[:2]]
    return version < (own_line[0] if own_line else max(fixed))


def _parsed(versions: Sequence[str]) -> list[Version]:
    return [_order(version) for version in versions]


def _order(text: str) -> Version:
    parsed = parse_version(text)
    if parsed is None:
        raise ValueError(f"{text!r} in the table is no version")
    return parsed
