"""Paths, texts and configuration that want to become more than data."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger.audit import read_events
from orchestrator.ledger.git import GitLedger
from orchestrator.ledger.paths import committable, is_plain, shown
from orchestrator.ledger.verification import verify_run
from orchestrator.records import Proposal
from tests.ledger.ledger_parts import DISCARD, KEEP, ORIGIN, TEMPLATE, git, refused, run_night, scored, settle

HOSTILE_PATHS = [
    "",
    ".",
    "..",
    "/",
    "../x",
    "../../.git/hooks/post-commit",
    "a/../../x",
    "a/./b",
    "a//b",
    "a/",
    "/etc/cron.d/x",
    "//x",
    "~/x",
    ".git/config",
    ".GIT/config",
    "a/.git/hooks/update",
    ".gitattributes",
    ".gitmodules",
    "git~1/config",
    "train.py\x00",
    "train.py\n",
    "\ntrain.py",
    "train.py ",
    " train.py",
    "train.py.",
    "train.py::$DATA",
    "C:\\x",
    "a\\b",
    "..\\x",
    "-rf",
    "--upload-pack=x",
    "a/-x",
    "con",
    "NUL.py",
    "train\u200b.py",
    "tr\u0430in.py",
    "\u202etrain.py",
    "train.py\x1b[2J",
    "\ud800",
    "refs/heads/best.lock\x00",
    "HEAD^{tree}",
    "a:b",
    "*",
    "[x]",
    "a@{1}",
    '"quoted"',
    "tab\tname",
    "x" * 201,
    "a/" * 20 + "b",
    "é.py",
]


def tree_of(folder: Path, commit: str) -> list[str]:
    listing = git(folder, "ls-tree", "-r", "--format=%(objectmode) %(path)", commit)
    return listing.splitlines()


@pytest.mark.parametrize("path", HOSTILE_PATHS, ids=range(len(HOSTILE_PATHS)))
def test_a_hostile_path_is_not_plain_and_its_shown_name_is_not_either(path: str) -> None:
    assert not is_plain(path)
    assert not is_plain(shown(path))
    assert shown(path).isascii()
    assert shown(path).isprintable()
    assert len(shown(path)) <= 200


def test_hostile_paths_reach_the_gate_but_neither_the_tree_nor_the_disk(tmp_path: Path) -> None:
    files = dict.fromkeys(HOSTILE_PATHS, "pwned\n") | {"train.py": "DEPTH = 5\n"}
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        attempt = ledger.open(Proposal("hostile", files))
        assert attempt.files == files
        settle(ledger, refused(attempt), DISCARD)
    assert tree_of(tmp_path / "night", attempt.commit) == ["100644 train.py"]
    opened = next(e for e in read_events(tmp_path / "night/audit.jsonl") if e["event"] == "attempt_opened")
    assert opened["left_out"] == sorted(shown(path) for path in HOSTILE_PATHS)
    assert [path.name for path in tmp_path.iterdir()] == ["night"]
    assert verify_run(tmp_path / "night") == []


def test_plain_paths_in_folders_are_committed_as_regular_files(tmp_path: Path) -> None:
    files = {"train.py": "x\n", "a/b/c.py": "1\n", "a/d.py": "2\n", "HEAD": "h\n", "README.md": "r\n"}
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        attempt = ledger.open(Proposal("plain", files))
        settle(ledger, scored(attempt, 1.0), KEEP)
    assert tree_of(tmp_path / "night", attempt.commit) == [f"100644 {path}" for path in sorted(files)]
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        assert ledger.history().best_files == files


def test_a_name_that_is_both_file_and_folder_is_left_out() -> None:
    assert committable(["train.py", "train.py/x", "a/b", "a", "c/d"]) == {"c/d"}


def test_an_attempt_with_a_path_left_out_comes_back_with_it_and_cannot_be_kept(tmp_path: Path) -> None:
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        ledger.open(Proposal("hostile", {"train.py\x00": "x", "train.py": "y\n"}))
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        attempt = ledger.recover()
        assert attempt is not None
        assert attempt.files == {"train.py": "y\n", "train.py\\x00": ""}
        with pytest.raises(LedgerError, match="cannot be kept"):
            settle(ledger, scored(attempt, 1.0), KEEP)


@pytest.mark.parametrize("text", ["\ud800", "x\udfffy\n"])
def test_text_that_is_not_unicode_becomes_a_problem_for_the_gate(tmp_path: Path, text: str) -> None:
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        attempt = ledger.open(
            Proposal(text, {"train.py": text}, hypothesis=text, proposer=text, problem=text)
        )
        assert "train.py: the text is not Unicode" in attempt.proposal.problem
        assert attempt.files["train.py"].encode().decode() == git(
            tmp_path / "night", "show", f"{attempt.commit}:train.py"
        ) + ("\n" if text.endswith("\n") else "")
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        assert ledger.recover() == attempt


@pytest.mark.parametrize(
    "text", ["", "\r\n", "a\r\nb", "\x00", "no newline at the end", "$Id$\n", "\ufeffx\n"]
)
def test_texts_are_committed_byte_for_byte(tmp_path: Path, text: str) -> None:
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        settle(ledger, scored(ledger.open(Proposal("odd", {"train.py": text})), 1.0), KEEP)
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        assert ledger.history().best_files == {"train.py": text}


CONFIG = """
[core]
    hooksPath = {trap}
    fsmonitor = {trap}/fsmonitor
    pager = {trap}/pager
    attributesFile = {trap}/attributes
    autocrlf = true
[diff]
    external = {trap}/external
[diff "trap"]
    textconv = {trap}/textconv
    command = {trap}/command
[filter "trap"]
    clean = {trap}/clean
    smudge = {trap}/smudge
    process = {trap}/process
[commit]
    gpgSign = true
[gpg]
    program = {trap}/gpg
[i18n]
    commitEncoding = latin1
[user]
    name = somebody else
"""
TRAPS = [
    "fsmonitor", "pager", "external", "textconv", "command", "clean", "smudge", "process", "gpg",
    "reference-transaction", "post-commit", "pre-commit", "update", "post-update", "post-index-change",
]  # fmt: skip


def plant_traps(trap: Path) -> None:
    trap.mkdir()
    (trap / "attributes").write_text("* filter=trap diff=trap ident text eol=crlf\n")
    for name in TRAPS:
        (trap / name).write_text(f"#!/bin/sh\necho {name} >> {trap}/sprung\ncat\n")
        (trap / name).chmod(0o755)


def test_no_hook_filter_or_setting_of_a_users_git_takes_part(tmp_path: Path) -> None:
    folder, trap, home = tmp_path / "night", tmp_path / "trap", tmp_path / "home"
    plant_traps(trap)
    home.mkdir()
    (home / ".gitconfig").write_text(CONFIG.format(trap=trap))
    GitLedger(folder, ORIGIN).release()
    with (folder / "repo.git/config").open("a") as config:
        config.write(CONFIG.format(trap=trap))
    (folder / "repo.git/hooks").symlink_to(trap)
    (folder / "repo.git/info").mkdir(exist_ok=True)
    (folder / "repo.git/info/attributes").symlink_to(trap / "attributes")
    planted = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "GIT_DIR": "/nowhere",
        "GIT_INDEX_FILE": "/nowhere",
        "GIT_EXTERNAL_DIFF": str(trap / "external"),
        "GIT_AUTHOR_NAME": "x",
    }
    night = [sys.executable, str(Path(__file__).with_name("ledger_parts.py")), str(folder), "-", "0"]
    subprocess.run(night, check=True, env={**os.environ, **planted}, timeout=60)
    assert not (trap / "sprung").exists()
    assert git(folder, "show", "-s", "--format=%an", "best") == "autoresearch"
    assert verify_run(folder) == []
    assert not (trap / "sprung").exists()


def test_the_same_traps_do_spring_for_a_git_that_is_not_hardened(tmp_path: Path) -> None:
    folder, trap = tmp_path / "night", tmp_path / "trap"
    plant_traps(trap)
    run_night(folder)
    with (folder / "repo.git/config").open("a") as config:
        config.write(CONFIG.format(trap=trap))
    git(folder, "update-ref", "refs/heads/mine", "refs/heads/best")
    git(folder, "diff", "refs/heads/template", "refs/heads/best")
    assert {"reference-transaction", "command"} <= set((trap / "sprung").read_text().split())


def test_a_replaced_object_does_not_change_what_is_read(night: Path) -> None:
    git(night, "replace", "refs/heads/best", "refs/heads/template")
    with GitLedger(night, ORIGIN) as ledger:
        assert ledger.history().best_files != TEMPLATE


def test_committed_files_are_never_executable_or_links(night: Path) -> None:
    raw = git(night, "log", "--all", "--raw", "--format=", "--root")
    modes = {line.split()[1] for line in raw.splitlines()}
    assert modes == {"100644"}
