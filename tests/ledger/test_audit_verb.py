"""`audit verify` as it is called: what a crash leaves behind is no break, everything else is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from orchestrator.cli import main

VERIFY = ["audit", "verify", "--tag", "night"]


@pytest.fixture
def kept(night: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The finished night below `runs` of the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AUTORESEARCH_RUNS", raising=False)
    return Path(shutil.move(night, tmp_path / "runs" / "night"))


def tear(folder: Path) -> None:
    with (folder / "audit.jsonl").open("ab") as log:
        log.write(b'{"event":"attempt_op')


def test_a_torn_last_line_is_a_note_and_accuses_nobody(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tear(kept)
    assert main(VERIFY) == 0
    said = capsys.readouterr()
    assert "is incomplete" in said.out
    assert "as after a crash" in said.out
    assert said.err == ""


def test_a_torn_last_line_does_not_hide_a_break(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tear(kept)
    (kept / "results.tsv").write_text("better\n")
    assert main(VERIFY) == 6
    said = capsys.readouterr()
    assert "is incomplete" in said.out
    assert "results.tsv: differs from the log" in said.err
    assert "find out who touched it" in said.err


def test_a_sound_night_has_no_note(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(VERIFY) == 0
    assert "crash" not in capsys.readouterr().out
    assert kept.is_dir()
