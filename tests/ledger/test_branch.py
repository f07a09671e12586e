"""`export --branch`: the kept commits in a repository of the user's, in which nothing else changes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from orchestrator.errors import LedgerError, SetupError
from orchestrator.ledger.branch import export_branch
from orchestrator.ledger.git import GitLedger
from tests.ledger.ledger_parts import ORIGIN


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=me", "-c", "user.email=me@localhost"]
    command = ["git", "-C", str(folder), *identity, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A repository of the user's, with one commit and a hook for everything that marks its run."""
    folder = tmp_path / "mine"
    folder.mkdir()
    git(folder, "init", "--quiet", "-b", "main")
    (folder / "train.py").write_text("mine\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "mine")
    for name in ("reference-transaction", "post-checkout", "post-merge", "post-update"):
        hook = folder / ".git/hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\n")
        hook.chmod(0o755)
    return folder


def state_of(folder: Path) -> tuple[str, str, str]:
    return (
        git(folder, "status", "--porcelain"),
        git(folder, "rev-parse", "main"),
        (folder / "train.py").read_text(),
    )


def test_the_kept_commits_become_a_branch_and_nothing_else_changes(night: Path, mine: Path) -> None:
    before = state_of(mine)
    made = export_branch(night, "night", mine)
    assert made.commits == 2
    assert git(mine, "log", "--format=%s", "night").splitlines() == ["depth 4", "depth 2"]
    assert git(mine, "show", "night:train.py") == "DEPTH = 4"
    assert git(mine, "rev-parse", "night") == made.commit
    assert state_of(mine) == before
    assert git(mine, "for-each-ref", "--format=%(refname)").splitlines() == [
        "refs/heads/main",
        "refs/heads/night",
    ]
    assert not (mine / ".git/FETCH_HEAD").exists()
    git(mine, "fsck", "--strict")


def test_a_best_that_the_log_does_not_know_is_not_exported(night: Path, mine: Path) -> None:
    git(night / "repo.git", "update-ref", "refs/heads/best", "refs/attempts/0002")
    before = state_of(mine)
    with pytest.raises(LedgerError, match=r"refs/heads/best points to .*, the log says "):
        export_branch(night, "night", mine)
    assert state_of(mine) == before
    assert git(mine, "branch", "--list", "night") == ""


def test_no_hook_of_the_repository_runs(night: Path, mine: Path, tmp_path: Path) -> None:
    export_branch(night, "night", mine)
    assert not (tmp_path / "hooked").exists()
    git(mine, "branch", "other")
    assert (tmp_path / "hooked").exists()


def test_a_branch_that_exists_is_never_touched(night: Path, mine: Path) -> None:
    before = state_of(mine)
    with pytest.raises(SetupError, match="the branch main exists"):
        export_branch(night, "main", mine)
    export_branch(night, "night", mine)
    with pytest.raises(SetupError, match="the branch night exists"):
        export_branch(night, "night", mine)
    assert state_of(mine) == before


@pytest.mark.parametrize(
    "name", ["-f", "--upload-pack=x", "a..b", "a b", "a:b", "a~1", "@{-1}", "x.lock", "/a"]
)
def test_what_is_no_branch_name_is_refused(night: Path, mine: Path, name: str) -> None:
    with pytest.raises(SetupError, match="is not a branch name") as refusal:
        export_branch(night, name, mine)
    assert refusal.value.remedy == "choose a plain name, such as night-7"
    assert git(mine, "for-each-ref", "--format=%(refname)") == "refs/heads/main"


def test_a_folder_that_is_no_repository_is_refused(night: Path, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="is not a git repository"):
        export_branch(night, "night", tmp_path)
    with pytest.raises(SetupError, match="is not a git repository"):
        export_branch(night, "night", tmp_path / "missing")


def test_a_run_that_has_kept_nothing_has_no_branch(tmp_path: Path, mine: Path) -> None:
    GitLedger(tmp_path / "empty", ORIGIN).release()
    with pytest.raises(SetupError, match="empty has kept nothing"):
        export_branch(tmp_path / "empty", "night", mine)


def test_a_run_that_lies_elsewhere_needs_no_absolute_path(
    night: Path, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    made = export_branch(night.relative_to(tmp_path), "night", mine.relative_to(tmp_path))
    monkeypatch.delenv("GIT_DIR")
    assert git(mine, "rev-parse", "night") == made.commit


def test_a_run_whose_objects_are_damaged_makes_no_branch(night: Path, mine: Path) -> None:
    best = subprocess.run(
        ["git", "--git-dir", str(night / "repo.git"), "rev-parse", "best"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    path = night / "repo.git/objects" / best[:2] / best[2:]
    os.chmod(path, 0o644)  # noqa: PTH101
    shutil.copy(night / "audit.jsonl", path)
    with pytest.raises(SetupError, match="cannot be brought"):
        export_branch(night, "night", mine)
    assert git(mine, "for-each-ref", "--format=%(refname)") == "refs/heads/main"
