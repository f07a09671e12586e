"""The table of known escapes: what a version is exposed to, on which release line, and what mends it."""

from __future__ import annotations

from datetime import date

import pytest

from orchestrator.advisories import (
    ADVISORIES,
    AS_OF,
    Component,
    exposed,
    is_packaged,
    parse_version,
    sound_versions,
)

COMPONENTS: list[Component] = ["docker", "runc", "gvisor", "toolkit", "kernel"]


def identities(component: Component, version: str) -> list[str]:
    return [advisory.identity for advisory in exposed(component, version)]


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("29.7.0", (29, 7, 0, 1)),
        ("20.10.24+dfsg1", (20, 10, 24, 1)),
        ("1.1.5+ds1-1+deb12u1", (1, 1, 5, 1)),
        ("1.4.0-rc.1", (1, 4, 0, 0)),
        ("1.3.0~rc1+ds1-2", (1, 3, 0, 0)),
        ("1.6.20~ds1-1+deb12u3", (1, 6, 20, 1)),
        ("v1.1.12", (1, 1, 12, 1)),
        ("5:29.7.0-1~debian.12~bookworm", (29, 7, 0, 1)),
        ("6.18.44-fc-v657", (6, 18, 44, 1)),
        ("5.14.0-570.el9.x86_64", (5, 14, 0, 1)),
        ("7.0", (7, 0, 0, 1)),
        ("release-20260928.0", (20260928, 0, 0, 1)),
        ("unknown", None),
        ("", None),
    ],
)
def test_a_version_is_its_first_three_numbers_and_whether_it_is_final(
    text: str, parsed: tuple[int, int, int, int] | None
) -> None:
    assert parse_version(text) == parsed


@pytest.mark.parametrize(
    ("component", "version", "expected"),
    [
        ("runc", "1.3.7", []),
        ("runc", "1.3.6", ["CVE-2026-119101"]),
        ("runc", "1.4.4", []),
        ("runc", "1.4.3", ["CVE-2026-119101"]),
        ("runc", "1.4.2", ["CVE-2026-119101", "CVE-2026-41579"]),
        ("runc", "1.5.2", ["CVE-2026-119101"]),
        ("runc", "1.6.0", []),
        ("runc", "1.2.8", ["CVE-2026-119101", "CVE-2026-41579"]),
        ("docker", "29.7.0", []),
        ("docker", "29.6.3", ["CVE-2026-17106"]),
        ("docker", "29.5.0", ["CVE-2026-17106", "CVE-2026-41567"]),
        ("docker", "30.0.0", []),
        ("toolkit", "1.19.1", []),
        ("toolkit", "1.17.8", ["CVE-2026-24260"]),
        ("toolkit", "1.17.7", ["CVE-2026-24260", "CVE-2025-23266"]),
        ("gvisor", "20221219.0", ["CVE-2026-96812"]),
        ("gvisor", "20260928.0", []),
        ("kernel", "6.18.44-fc-v657", []),
        ("kernel", "6.18.21", ["CVE-2026-31431"]),
        ("kernel", "6.12.85", []),
        ("kernel", "6.12.84", ["CVE-2026-31431"]),
        ("kernel", "7.1.3", []),
        ("kernel", "4.13.16", []),
    ],
)
def test_a_version_is_judged_by_its_own_release_line(
    component: Component, version: str, expected: list[str]
) -> None:
    assert identities(component, version) == expected


def test_a_release_line_that_upstream_left_unmended_is_exposed_however_high_its_number() -> None:
    assert identities("kernel", "6.17.99") == ["CVE-2026-31431"]
    assert "CVE-2025-31133" in identities("runc", "1.1.99")


def test_a_release_candidate_is_older_than_its_release() -> None:
    assert "CVE-2025-31133" in identities("runc", "1.4.0-rc.1")
    assert "CVE-2025-31133" not in identities("runc", "1.4.0")


def test_what_is_no_version_is_exposed_to_nothing_that_could_be_named() -> None:
    assert exposed("runc", "unknown") == []


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_versions_to_update_to_are_exposed_to_nothing(component: Component) -> None:
    assert sound_versions(component)
    assert [identities(component, version) for version in sound_versions(component)] == [
        [] for _ in sound_versions(component)
    ]


def test_the_versions_to_update_to_are_the_first_sound_ones_of_each_line() -> None:
    assert sound_versions("runc") == ("1.3.7", "1.4.4", "1.5.3")
    assert sound_versions("docker") == ("29.7.0",)


def test_the_table_is_dated_and_names_no_advisory_twice() -> None:
    assert date.fromisoformat(AS_OF) >= date(2026, 11, 1)
    names = [advisory.identity for advisory in ADVISORIES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("text", ["1.1.5+ds1-1+deb12u1", "1.6.20~ds1", "20.10.24+dfsg1", "27.5.1-0ubuntu3"])
def test_a_distribution_is_known_by_its_suffix(text: str) -> None:
    assert is_packaged(text)


@pytest.mark.parametrize("text", ["29.7.0", "v1.1.12", "1.4.0-rc.1", "1.17.8"])
def test_upstreams_own_builds_are_no_distributions(text: str) -> None:
    assert not is_packaged(text)
