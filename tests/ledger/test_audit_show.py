"""`audit show` and `export` as they are called: filters, forms, and hostile text that stays text."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.ledger.audit import digest
from orchestrator.ledger.git import GitLedger
from tests.ledger.ledger_parts import DISCARD, ORIGIN, crashed, proposal, refused, run_night, settle

HOSTILE = "\x1b[2J\x1b]0;owned\x07 one\ntwo\r\u202egnp.exe\u2066 \u200bzero\x9b31m"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A night with a refused attempt, a crash and hostile texts; the runs' folder."""
    runs = tmp_path_factory.mktemp("show") / "runs"
    run_night(runs / "night")
    with GitLedger(runs / "night", ORIGIN) as ledger:
        settle(ledger, refused(ledger.open(proposal(4, title="Imports OS"))), DISCARD)
        ledger.record(
            "containers_configured",
            image="sha256:1",
            train=["--init", f"--env={HOSTILE}"],
            model=["--init", "--x"],
        )
        hostile = proposal(5, title=HOSTILE, hypothesis=HOSTILE, proposer=HOSTILE)
        settle(ledger, crashed(ledger.open(hostile)), DISCARD)
        ledger.record("fault_occurred", message=HOSTILE, kind="SandboxError")
    return runs


@pytest.fixture(autouse=True)
def runs(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUTORESEARCH_RUNS", str(made))
    return made


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["audit", "show", "--tag", "night", *words]) == 0
    return capsys.readouterr().out


def events(capsys: pytest.CaptureFixture[str], *words: str) -> list[tuple[str, int]]:
    lines = shown(capsys, "--json", *words).splitlines()
    return [(event["event"], event.get("number", 0)) for event in map(json.loads, lines)]


def test_the_table_has_a_line_for_every_event(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys).splitlines()
    assert len(lines) == 1 + len((runs / "night/audit.jsonl").read_text().splitlines())
    assert "attempt_opened      0001  depth 2 (by unknown)" in lines[2]
    assert any("0002  discard: not better" in line for line in lines)
    assert any("0001  beside 0003, seed" in line for line in lines)
    assert any("0005  seed" in line and "crashed: exit code 1" in line for line in lines)


def test_json_lines_are_the_events_as_the_log_has_them(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shown(capsys, "--json") == (runs / "night/audit.jsonl").read_text()
    line = shown(capsys, "--json", "--event", "run_created").strip()
    said = json.loads(line)["hash"]
    assert said == digest(line.encode(), said)


FILTERS: dict[str, tuple[list[str], list[tuple[str, int]]]] = {
    "attempt": (
        ["--attempt", "3"],
        [("attempt_opened", 3), ("attempt_measured", 1), ("attempt_measured", 3), ("attempt_closed", 3)],
    ),
    "several attempts and an event": (
        ["--attempt", "1", "--attempt", "2", "--event", "attempt_closed"],
        [("attempt_closed", 1), ("attempt_closed", 2)],
    ),
    "outcome kept": (["--outcome", "keep"], [("attempt_closed", 1), ("attempt_closed", 3)]),
    "outcome crashed": (["--outcome", "crashed"], [("attempt_measured", 5), ("attempt_closed", 5)]),
    "outcome refused": (["--outcome", "refused"], [("attempt_closed", 4)]),
    "text in any case": (["--text", "imports os"], [("attempt_opened", 4)]),
    "text that is nowhere": (["--text", "nowhere to be found"], []),
    "nothing before the night": (["--until", "2001-01-01"], []),
    "nothing after it": (["--since", "2999-01-01T00:00"], []),
    "other events": (["--event", "fault_occurred"], [("fault_occurred", 0)]),
}


@pytest.mark.parametrize("name", FILTERS)
def test_filters_leave_what_was_asked_for(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    words, expected = FILTERS[name]
    assert events(capsys, *words) == expected


def test_a_time_counts_from_since_and_up_to_until(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    every = [json.loads(line) for line in (runs / "night/audit.jsonl").read_text().splitlines()]
    middle = every[len(every) // 2]["time"]
    before, after = events(capsys, "--until", middle), events(capsys, "--since", middle)
    assert len(before) + len(after) == len(every)
    assert before
    assert after


def test_one_attempts_whole_story_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(capsys, "1")
    for said in (
        "attempt 0001: depth 2",
        "hypothesis  deeper",
        "base        the task's own files",
        "+DEPTH = 2",
        "allowed",
        "run 1",
        "value            2.000000 ± 0.010000",
        "for              attempt 0003, beside it",
        "weights_sha256: " + "b" * 64,
        "the best once more",
        "decided  keep",
        "because  better by 0.1",
    ):
        assert said in told, said
    assert "train.py:3: os is not allowed [import]" in shown(capsys, "4")


def test_the_containers_of_a_run_are_told_as_its_sitting_recorded_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = shown(capsys, "5").splitlines()
    start = lines.index("containers from run 1")
    safe = "--env=]0;owned one two gnp.exe zero31m"
    told = [
        "image: sha256:1",
        "train:",
        "  --init",
        f"  {safe}",
        "model, as train",
        f"  but not {safe}",
        "  but --x",
    ]
    assert lines[start + 1 : start + 8] == [f"  {line}" for line in told]
    assert "containers from" not in shown(capsys, "1")


@pytest.mark.parametrize("words", [["--json"], ["--event", "attempt_closed"], ["--text", "a"]])
def test_a_story_takes_no_filters(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main(["audit", "show", "--tag", "night", "1", *words]) == 2
    assert "or filter by '--attempt 1'" in capsys.readouterr().err


@pytest.mark.parametrize("words", [(), ("5",), ("--json",), ("--text", "owned")])
def test_hostile_text_cannot_move_the_cursor(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    told = shown(capsys, *words)
    assert "gnp.exe" in told
    for character in "\x1b\x07\r\u202e\u2066\u200b\x9b":
        assert character not in told


def test_an_attempt_that_never_was_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    for number in ("0", "6"):
        assert main(["audit", "show", "--tag", "night", number]) == 2
        assert f"night has no attempt {number}" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("--event", "nonsense"), ("--attempt", "99", "--json")])
def test_a_filter_that_leaves_nothing_says_so(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "show", "--tag", "night", *words]) == 0
    assert "no event of night is what was asked for" in capsys.readouterr().err
    assert main(["audit", "show", "--tag", "night", "--event", "attempt_opened"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "yesterday"), "'yesterday' is no time: write it as 2026-11-24T22:30"),
        (("one",), "argument N: invalid int value"),
        (("--attempt", "one"), "argument --attempt: invalid int value"),
    ],
)
def test_what_is_no_time_or_number_is_a_usage_error(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["audit", "show", *words])
    assert end.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("words", [(), ("--json",), ("3",)])
def test_what_stands_before_a_break_is_shown_and_then_the_break(
    words: tuple[str, ...],
    runs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(runs / "night", tmp_path / "runs/broken")
    log = tmp_path / "runs/broken/audit.jsonl"
    log.write_text(log.read_text().replace('"value":1.5', '"value":0.5'))
    monkeypatch.setenv("AUTORESEARCH_RUNS", str(tmp_path / "runs"))
    assert main(["audit", "show", "--tag", "broken", *words]) == 6
    said = capsys.readouterr()
    assert "depth 4" in said.out
    assert "was changed: its hash does not match" in said.err


def test_nothing_to_export_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--tag", "night"]) == 2
    assert "nothing to export" in capsys.readouterr().err


def test_the_kept_commits_are_exported_as_a_branch(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--tag", "night", "--branch", "night"]) == 2
    assert "is not a git repository" in capsys.readouterr().err
    subprocess.run(["git", "init", "--quiet"], check=True)
    assert main(["export", "--tag", "night", "--branch", "kept-in-a-test"]) == 0
    assert "kept-in-a-test: 2 kept commits" in capsys.readouterr().out
