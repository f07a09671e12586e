"""`audit verify` as it is called: what a crash leaves behind is no break, everything else is."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli import main
from tests.ledger.ledger_parts import chained

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


@pytest.mark.parametrize("anchor", ["head", ":" + "0" * 64, "one:" + "0" * 64, "3:" + "F" * 64])
def test_what_is_no_anchor_says_how_one_looks(anchor: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([*VERIFY, "--against", anchor])
    assert end.value.code == 2
    assert "a line's number, a colon and 64 digits" in capsys.readouterr().err


def test_a_night_that_lost_its_log_is_no_night_that_never_was(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (kept / "audit.jsonl").unlink()
    assert main(VERIFY) == 6
    assert "night has lost its audit.jsonl" in capsys.readouterr().err
    shutil.rmtree(kept)
    assert main(VERIFY) == 2
    assert "there is no run night" in capsys.readouterr().err


def rewrite(log: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change every closing of an attempt and hash the whole chain anew, as somebody could who knows how."""
    events = [json.loads(line) for line in log.read_text().splitlines()]
    for event in events:
        if event["event"] == "attempt_closed":
            change(event)
    log.write_text(chained(events))


SHAPES: dict[str, Callable[[dict[str, Any]], object]] = {
    "no objections": lambda event: event.pop("objections"),
    "objections of another kind": lambda event: event.update(objections=3),
    "a time of another kind": lambda event: event.update(time=5),
    "a time of nowhere": lambda event: event.update(time="2026-11-26T00:40:00"),
    "no time": lambda event: event.update(time="2026-13-45T99:99:99+00:00"),
    "a value that was not measured": lambda event: event.update(values=[0.1]),
    "a status that is a picture": lambda event: event.update(status="\x1b[2J"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_rewritten_log_of_another_shape_is_a_break_and_can_be_looked_at(
    shape: str, kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rewrite(kept / "audit.jsonl", lambda _: None)
    assert main(VERIFY) == 0
    rewrite(kept / "audit.jsonl", SHAPES[shape])
    assert main(VERIFY) == 6
    assert "night: " in capsys.readouterr().err
    assert main(["audit", "show", "--tag", "night"]) == 0
    lines = (kept / "audit.jsonl").read_text().splitlines()
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(lines)
    for words in (["status"], ["report"], ["audit", "show", "2"], ["export", "--tensorboard", "events"]):
        assert main([*words, "--tag", "night"]) in {0, 2, 6}, "an error is a line, never a traceback"


def test_a_log_that_is_empty_is_no_run(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (kept / "audit.jsonl").write_bytes(b"")
    for words in (VERIFY, ["status"], ["report"]):
        assert main(words) == 6
        assert "audit.jsonl" in (said := capsys.readouterr().err)
        assert "is empty" in said


def test_the_first_break_stands_first(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(kept / "experiments" / "0002")
    (kept / "results.tsv").write_text("")
    assert main(VERIFY) == 6
    said = capsys.readouterr()
    assert said.out.startswith("results.tsv: differs from the log")
    assert "night: results.tsv: differs from the log" in said.err


def test_a_run_that_lost_its_repository_is_told_of_at_every_look(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(kept / "repo.git")
    assert main(["status", "--tag", "night"]) == 6
    said = capsys.readouterr()
    assert "0001" in said.out
    assert "night has lost its repo.git" in said.err


@pytest.mark.parametrize("words", [VERIFY, ["audit", "show"], ["status"], ["report"], ["dashboard"]], ids=str)
def test_a_pipe_in_the_place_of_the_log_keeps_nobody_waiting(
    kept: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    (kept / "audit.jsonl").unlink()
    os.mkfifo(kept / "audit.jsonl")
    assert main(words) == 6
    assert "audit.jsonl: is neither a file nor a folder" in capsys.readouterr().err


@pytest.mark.usefixtures("kept")
def test_an_anchor_that_holds_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*VERIFY, "--anchor"]) == 0
    anchor = capsys.readouterr().out.splitlines()[-1]
    assert main([*VERIFY, "--against", anchor]) == 0
    seq = anchor.partition(":")[0]
    assert f"line {seq} of the log has the hash of the anchor" in capsys.readouterr().out


def test_a_sound_night_has_no_note(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(VERIFY) == 0
    assert "crash" not in capsys.readouterr().out
    assert kept.is_dir()
