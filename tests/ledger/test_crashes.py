"""The process is killed at every durable step; the next one must find a whole record and go on."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.errors import SetupError
from orchestrator.ledger.audit import read_events
from orchestrator.ledger.folder import CRASH_POINTS
from orchestrator.ledger.git import GitLedger
from orchestrator.ledger.verification import verify_run
from tests.ledger.ledger_parts import (
    BOUNDED,
    DISCARD,
    KEPT,
    ORIGIN,
    from_model,
    git,
    night_killed_at,
    proposal,
    refused,
    run_bounded_night,
    run_night,
    under,
)

KILLED = -signal.SIGKILL
FIRST_AND_THIRD = [(step, n) for step in CRASH_POINTS if step[:4] in {"open", "clos"} for n in (1, 3)]
CREATION = [(step, 1) for step in CRASH_POINTS if step.startswith("create:")]


@pytest.mark.parametrize(("step", "occurrence"), CREATION + FIRST_AND_THIRD)
def test_after_a_kill_at_any_step_the_record_is_whole_and_the_night_goes_on(
    tmp_path: Path, step: str, occurrence: int
) -> None:
    folder = tmp_path / "night"
    assert night_killed_at(folder, step, occurrence) == KILLED
    with GitLedger(folder, ORIGIN) as ledger:
        best_before = {1: None, 3: 1}[occurrence]
        assert ledger.evidence().best_number in {best_before, occurrence if occurrence in KEPT else None}
        best = git(folder, "for-each-ref", "--format=%(objectname)", "refs/heads/best")
        kept = [entry for entry in ledger.history().entries if entry.action == "keep"]
        assert best == (kept[-1].commit if kept else "")
    attempts = git(folder, "for-each-ref", "refs/attempts").splitlines()
    opened = [event for event in read_events(folder / "audit.jsonl") if event["event"] == "attempt_opened"]
    assert len(attempts) == len(opened) in {occurrence - 1, occurrence}
    assert verify_run(folder) == []
    run_night(folder)
    assert_whole_night(folder)


@pytest.mark.parametrize("occurrence", [1, 3, 4], ids=["the first", "the best's", "the last"])
@pytest.mark.parametrize("step", [step for step in CRASH_POINTS if step.startswith("measure:")])
def test_a_kill_around_a_run_loses_no_run_that_was_recorded(
    tmp_path: Path, step: str, occurrence: int
) -> None:
    folder = tmp_path / "night"
    assert night_killed_at(folder, step, occurrence) == KILLED
    recorded = [e["run"] for e in read_events(folder / "audit.jsonl") if e["event"] == "attempt_measured"]
    assert len(recorded) == occurrence - (step in {"measure:begin", "measure:objects"})
    with GitLedger(folder, ORIGIN):
        pass
    assert verify_run(folder) == []
    run_night(folder)
    assert_whole_night(folder)
    kept = [e["run"] for e in read_events(folder / "audit.jsonl") if e["event"] == "attempt_measured"]
    assert kept[: len(recorded)] == recorded


AROUND_THE_BOUND = [
    (step, n)
    for step in CRASH_POINTS
    for n in ((1,) if step[:5] == "bound" else (2, 3))
    if step[:5] in {"open:", "measu", "close", "bound"}
]


@pytest.mark.parametrize(("step", "occurrence"), AROUND_THE_BOUND)
def test_a_kill_around_the_bound_of_a_run_keeps_what_was_kept_and_says_the_bound_once(
    tmp_path: Path, step: str, occurrence: int
) -> None:
    folder, whole = tmp_path / "night", tmp_path / "whole"
    run_bounded_night(whole)
    assert night_killed_at(folder, step, occurrence, "bounded") == KILLED
    with GitLedger(folder, under(BOUNDED)):
        pass
    assert verify_run(folder) == []
    run_bounded_night(folder)
    assert verify_run(folder) == []
    said = [event["event"] for event in read_events(folder / "audit.jsonl")]
    assert said.count("records_bound_reached") == 1
    assert kept_texts(folder).items() >= kept_texts(whole).items() != set()
    assert exported(folder) == exported(whole) == {"0001", "0003"}


def kept_texts(folder: Path) -> dict[str, str]:
    """The content of every ref to a prompt or a log."""
    refs = git(folder, "for-each-ref", "--format=%(refname) %(objectname)", "refs/prompts", "refs/logs")
    return dict(line.split() for line in refs.splitlines())


def exported(folder: Path) -> set[str]:
    return {path.name for path in (folder / "experiments").iterdir()}


@pytest.mark.parametrize("step", ["resume:begin", "resume:event", "open:begin", "close:event"])
def test_a_kill_during_recovery_is_recovered_from_too(tmp_path: Path, step: str) -> None:
    folder = tmp_path / "night"
    assert night_killed_at(folder, "open:ref", 2) == KILLED
    assert night_killed_at(folder, step, 1) == KILLED
    run_night(folder)
    assert verify_run(folder) == []


def assert_whole_night(folder: Path) -> None:
    assert verify_run(folder) == []
    with GitLedger(folder, ORIGIN) as ledger:
        entries = ledger.history().entries
        assert [entry.number for entry in entries] == [1, 2, 3]
        assert (ledger.evidence().best_number, ledger.evidence().best_value) == (3, 1.5)
        assert ledger.history().best_files == {"train.py": "DEPTH = 4\n"}
    assert git(folder, "rev-parse", "refs/heads/best") == git(folder, "rev-parse", "refs/attempts/0003")


def test_an_interrupted_attempt_comes_back_as_it_was_opened(tmp_path: Path) -> None:
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        opened = ledger.open(proposal())
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        assert ledger.recover() == opened
        assert ledger.recover() is None


def test_what_a_model_was_asked_for_an_interrupted_attempt_is_still_known(tmp_path: Path) -> None:
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        opened = ledger.open(from_model())
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        found = ledger.recover()
        assert found == opened
        assert found is not None
        assert found.proposal.prompt_sha256 == from_model().prompt_sha256 != ""


def test_an_attempt_interrupted_twice_is_closed_as_a_discard(tmp_path: Path) -> None:
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        ledger.open(proposal())
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        assert ledger.recover() is not None
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        assert ledger.recover() is None
        entry = ledger.history().entries[0]
        assert (entry.action, entry.status, entry.reason) == (
            "discard",
            "not run",
            "interrupted twice (not run)",
        )
    assert verify_run(tmp_path / "night") == []


def test_two_attempts_that_were_open_come_back_one_after_the_other(tmp_path: Path) -> None:
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        opened = [ledger.open(proposal(1)), ledger.open(proposal(2))]
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        assert [ledger.recover(), ledger.recover(), ledger.recover()] == [*opened, None]


def test_a_ref_lock_that_a_killed_git_left_behind_stops_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    assert night_killed_at(folder, "close:event", 1) == KILLED
    (folder / "repo.git/refs/heads/best.lock").touch()
    run_night(folder)
    assert_whole_night(folder)


def test_a_torn_last_line_is_set_aside_and_the_night_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    assert night_killed_at(folder, "open:begin", 2) == KILLED
    with (folder / "audit.jsonl").open("ab") as log:
        log.write(b'{"event":"attempt_op')
    assert [finding.place for finding in verify_run(folder)] == ["audit.jsonl line 5"]
    run_night(folder)
    assert (folder / "audit.torn-1").read_bytes() == b'{"event":"attempt_op'
    assert_whole_night(folder)


def test_a_second_process_on_the_same_run_is_sent_away(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    with GitLedger(folder, ORIGIN):
        before = (folder / "audit.jsonl").read_bytes()
        night = [sys.executable, str(Path(__file__).with_name("ledger_parts.py")), str(folder), "-", "0"]
        second = subprocess.run(night, capture_output=True, text=True, check=False, timeout=60)
        assert "run night is already in progress (pid " in second.stderr.splitlines()[-1]
        assert (folder / "audit.jsonl").read_bytes() == before
        with pytest.raises(SetupError, match="already in progress"):
            GitLedger(folder, ORIGIN)


def test_what_was_decided_after_the_open_ones_were_counted_is_not_taken_up(tmp_path: Path) -> None:
    with GitLedger(tmp_path / "run", ORIGIN) as ledger:
        first, second = ledger.open(proposal(1)), ledger.open(proposal(2))
        ledger.take_up_again()
        ledger.close(refused(first), DISCARD)
        assert ledger.recover() == second
        assert ledger.recover() is None
    with GitLedger(tmp_path / "run", ORIGIN) as ledger:
        assert [entry.number for entry in ledger.history().entries] == [1]
