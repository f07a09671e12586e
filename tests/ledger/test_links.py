"""A part of the record that is a link is refused when the run is taken up, and found when it is verified."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger.git import GitLedger
from orchestrator.ledger.verification import verify_run
from tests.ledger.ledger_parts import ORIGIN


@pytest.mark.parametrize("name", ["audit.jsonl", "repo.git"])
@pytest.mark.parametrize("dangling", [False, True], ids=["elsewhere", "nowhere"])
def test_a_link_in_place_of_the_record_is_refused_and_found(
    night: Path, tmp_path: Path, name: str, dangling: bool
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (night / name).rename(elsewhere)
    (night / name).symlink_to(tmp_path / "nowhere" if dangling else elsewhere)
    before = {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")}
    with pytest.raises(LedgerError, match=f"{name}: is a symbolic link") as refusal:
        GitLedger(night, ORIGIN)
    assert "space" not in refusal.value.remedy
    assert [str(finding) for finding in verify_run(night)] == [f"{name}: is a symbolic link"]
    assert {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_new_run_does_not_build_its_repository_through_a_link(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "night", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / "repo.git.unfinished").symlink_to(elsewhere)
    with pytest.raises(LedgerError, match="is a symbolic link"):
        GitLedger(folder, ORIGIN)
    assert list(elsewhere.iterdir()) == []


def test_a_log_that_cannot_be_opened_is_not_blamed_on_a_full_disk(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    (folder / "audit.jsonl").mkdir(parents=True)
    with pytest.raises(LedgerError) as refusal:
        GitLedger(folder, ORIGIN)
    assert "space" not in refusal.value.remedy
