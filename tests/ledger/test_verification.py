from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.ledger.verification import verify_run
from tests.ledger.ledger_parts import git


def test_a_whole_night_has_no_finding(night: Path) -> None:
    assert verify_run(night) == []


def test_verifying_changes_nothing(night: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in night.rglob("*")}
    verify_run(night)
    assert {path: path.stat().st_mtime_ns for path in night.rglob("*")} == before


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


DEEDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a value changed": (
        lambda f: edit(f / "audit.jsonl", '"value":2.5', '"value":0.5'),
        "audit.jsonl line 6: was changed: its hash does not match",
    ),
    "the log missing": (lambda f: (f / "audit.jsonl").unlink(), "audit.jsonl cannot be read: "),
    "the repository missing": (lambda f: shutil.rmtree(f / "repo.git"), "repo.git: is missing"),
    "best moved": (
        lambda f: git(f, "update-ref", "refs/heads/best", "refs/attempts/0002"),
        "refs/heads/best: points to ",
    ),
    "an attempt invented": (
        lambda f: git(f, "update-ref", "refs/attempts/0004", "refs/attempts/0001"),
        "refs/attempts/0004: is unknown to the log",
    ),
    "a row changed": (
        lambda f: edit(f / "results.tsv", "2.500000", "0.500000"),
        "results.tsv: differs from the log",
    ),
    "a folder missing": (
        lambda f: shutil.rmtree(f / "experiments/0002"),
        "experiments/0002/edit.diff: is missing; it can be made again",
    ),
    "the last lines cut off": (
        lambda f: (f / "audit.jsonl").write_text(
            "".join((f / "audit.jsonl").read_text().splitlines(True)[:5])
        ),
        "refs/attempts/0003: is unknown to the log",
    ),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_what_was_tampered_with_is_found_at_its_place(night: Path, deed: str) -> None:
    tamper, expected = DEEDS[deed]
    tamper(night)
    findings = [str(finding) for finding in verify_run(night)]
    assert any(finding.startswith(expected) for finding in findings), findings
