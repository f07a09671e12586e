from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.ledger.git import GitLedger
from orchestrator.ledger.verification import verify_run
from tests.ledger.ledger_parts import BOUNDED, KEEP, git, proposal, scored, settle, under
from tests.ledger.test_format import rewrite


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


def test_who_is_named_in_the_log_is_who_is_named_in_the_commit(night: Path) -> None:
    rewrite(night / "audit.jsonl", lambda line: line.replace(b'"title":"depth 4"', b'"title":"depth 5"'))
    places = [str(finding) for finding in verify_run(night)]
    assert "commit of attempt 0003: the message is not what line 8 of audit.jsonl says" in places


def test_the_policy_beside_the_log_is_the_one_in_force(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    with GitLedger(folder, under(BOUNDED)) as ledger:
        settle(ledger, scored(ledger.open(proposal(1)), 2.0), KEEP)
    assert verify_run(folder) == []
    before = (folder / "policy.yaml").read_bytes()
    with GitLedger(folder, under(BOUNDED.model_copy(update={"max_prompt_kib": 1}))):
        pass
    assert verify_run(folder) == []
    (folder / "policy.yaml").write_bytes(before)
    (stale,) = verify_run(folder)
    assert stale.harmless, "a kill can leave the policy before"
    edit(folder / "policy.yaml", "max_run_mib: 1", "max_run_mib: 4096")
    (changed,) = verify_run(folder)
    assert str(changed) == "policy.yaml: is not the policy that the log holds as the one in force"
    assert not changed.harmless
    (folder / "policy.yaml").unlink()
    assert [str(finding).partition(":")[0] for finding in verify_run(folder)] == ["policy.yaml"]


@pytest.mark.parametrize("deed", DEEDS)
def test_what_was_tampered_with_is_found_at_its_place(night: Path, deed: str) -> None:
    tamper, expected = DEEDS[deed]
    tamper(night)
    findings = [str(finding) for finding in verify_run(night)]
    assert any(finding.startswith(expected) for finding in findings), findings
