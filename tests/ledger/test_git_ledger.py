from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import LedgerError, OrchestratorError, SetupError
from orchestrator.ledger.audit import read_events
from orchestrator.ledger.folder import Origin
from orchestrator.ledger.git import GitLedger
from orchestrator.novelty import twin
from orchestrator.records import Outcome, Proposal, Run, Usage
from tests.ledger.ledger_parts import DISCARD, KEEP, ORIGIN, TEMPLATE, git, proposal, scored, settle


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file but the lock, whose text is the last owner's process id."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_history_is_the_same_after_opening_again(tmp_path: Path) -> None:
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        full = proposal(1, title="a\tb\x1b[31m", proposer="tuner")
        settle(ledger, scored(ledger.open(full), 2.0, log="step 1\n\x00é\ud800"), KEEP)
        settle(ledger, scored(ledger.open(replace(full, usage=Usage(1, 2, 3))), 3.0), DISCARD)
        before = (ledger.history(), ledger.evidence())
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        assert (ledger.history(), ledger.evidence()) == before


def test_seeds_follow_from_the_runs_own_base_alone(tmp_path: Path) -> None:
    with GitLedger(tmp_path / "one", ORIGIN) as one, GitLedger(tmp_path / "two", ORIGIN) as two:
        assert one.open(proposal()).seed != two.open(proposal()).seed
        assert one.created["seed_base"] != two.created["seed_base"]


def test_the_intent_is_in_the_log_before_the_attempts_ref_moves(tmp_path: Path) -> None:
    folder, seen = tmp_path / "night", []

    def look(step: str) -> None:
        if step == "open:event":
            last = list(read_events(folder / "audit.jsonl"))[-1]
            seen.append((last["event"], git(folder, "for-each-ref", "refs/attempts")))

    with GitLedger(folder, ORIGIN, at=look) as ledger:
        ledger.open(proposal())
    assert seen == [("attempt_opened", "")]


def test_commit_dates_and_identity_are_ours(tmp_path: Path) -> None:
    noon = datetime(2026, 1, 2, 12, tzinfo=UTC)
    with GitLedger(tmp_path / "night", ORIGIN, clock=lambda: noon) as ledger:
        commit = ledger.open(proposal()).commit
    shown = git(tmp_path / "night", "show", "-s", "--format=%an <%ae> %at %ct", commit)
    assert shown == f"autoresearch <autoresearch@localhost> {noon.timestamp():.0f} {noon.timestamp():.0f}"


@pytest.mark.parametrize(
    "title",
    [
        "",
        "\n\n",
        "fine\nCo-authored-by: x <x@y>",
        "--amend",
        "[skip ci]\x00\x1b]0;x\x07",
        "a" * 1_000_000,
        "\u202eevil\u200b",
    ],
    ids=range(7),
)
def test_a_title_cannot_forge_any_part_of_the_commit_message(tmp_path: Path, title: str) -> None:
    hostile = Proposal(
        title, {}, hypothesis=f"{title}\n\nAttempt: 9999\nAudit-Head: 0", proposer=f"p\nAttempt: 9{title}"
    )
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        attempt = ledger.open(hostile)
    message = git(tmp_path / "night", "show", "-s", "--format=%B", attempt.commit)
    subject, *_, trailers = message.split("\n\n")
    assert subject == attempt.proposal.title
    assert 0 < len(subject) <= 200
    assert subject.isprintable()
    assert [line.split(": ")[0] for line in trailers.splitlines()] == ["Attempt", "Proposer", "Audit-Head"]
    assert trailers.startswith("Attempt: 0001\n")


def test_what_cannot_be_written_as_json_does_not_stop_the_night(tmp_path: Path) -> None:
    nested: Any = []
    for _ in range(5000):
        nested = [nested]
    details = {"nan": float("nan"), "nested": nested, "huge": 10**5000, "path": {1: tmp_path}}
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        experiment = scored(ledger.open(proposal()), 2.0)
        assert experiment.score
        settle(ledger, replace(experiment, score=replace(experiment.score, details=details)), KEEP)
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        assert ledger.evidence().best_number == 1


def test_an_event_of_the_ledgers_own_cannot_be_recorded_from_outside(tmp_path: Path) -> None:
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        with pytest.raises(ValueError, match="written by the ledger itself"):
            ledger.record("attempt_closed", number=1)
        ledger.record("engine_pinged", seconds=0.5)
    names = [event["event"] for event in read_events(tmp_path / "night/audit.jsonl")]
    assert names == ["run_created", "engine_pinged"]


@pytest.mark.parametrize(
    "names", [["notes.txt"], ["repo.git"], ["results.tsv", "lock"], [".git", "src"], ["policy.yaml"]]
)
def test_a_foreign_folder_is_refused_and_untouched(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("mine")
    before = snapshot(tmp_path)
    with pytest.raises(SetupError, match=r"is not a run of ours — choose another --tag"):
        GitLedger(tmp_path, ORIGIN)
    assert snapshot(tmp_path) == before
    assert {path.name for path in tmp_path.iterdir()} == set(names)


def test_a_file_in_the_place_of_the_run_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "night").write_text("mine")
    with pytest.raises(SetupError, match="cannot be used"):
        GitLedger(tmp_path / "night", ORIGIN)


@pytest.mark.parametrize("other", [replace(ORIGIN, task="other"), replace(ORIGIN, policy_digest="e" * 64)])
def test_a_run_is_not_taken_up_with_another_task_or_policy(night: Path, other: Origin) -> None:
    before = snapshot(night)
    with pytest.raises(SetupError, match="was made with another"):
        GitLedger(night, other)
    assert snapshot(night) == before


def test_a_run_keeps_the_template_that_it_was_made_with(tmp_path: Path) -> None:
    GitLedger(tmp_path / "night", ORIGIN).release()
    with GitLedger(tmp_path / "night", replace(ORIGIN, files={"train.py": "DEPTH = 99\n"})) as ledger:
        assert ledger.history().best_files == TEMPLATE


def delete_object(folder: Path, name: str) -> None:
    (folder / "repo.git/objects" / name[:2] / name[2:]).unlink()


def forge_object(folder: Path, name: str) -> None:
    other = git(folder, "rev-parse", "refs/attempts/0001:train.py")
    source = folder / "repo.git/objects" / other[:2] / other[2:]
    target = folder / "repo.git/objects" / name[:2] / name[2:]
    target.chmod(0o644)
    target.write_bytes(source.read_bytes())


FOREIGN_HANDS: dict[str, Callable[[Path], object]] = {
    "best moved": lambda f: git(f, "update-ref", "refs/heads/best", "refs/attempts/0002"),
    "best deleted": lambda f: git(f, "update-ref", "-d", "refs/heads/best"),
    "best made symbolic": lambda f: git(f, "symbolic-ref", "refs/heads/best", "refs/attempts/0003"),
    "an attempt moved": lambda f: git(f, "update-ref", "refs/attempts/0001", "refs/attempts/0002"),
    "an attempt deleted": lambda f: git(f, "update-ref", "-d", "refs/attempts/0001"),
    "an attempt invented": lambda f: git(f, "update-ref", "refs/attempts/0009", "refs/attempts/0002"),
    "a log deleted": lambda f: git(f, "update-ref", "-d", "refs/logs/0001"),
    "a commit missing": lambda f: delete_object(f, git(f, "rev-parse", "refs/attempts/0002")),
    "a file missing": lambda f: delete_object(f, git(f, "rev-parse", "refs/attempts/0002:train.py")),
    "a file forged": lambda f: forge_object(f, git(f, "rev-parse", "refs/attempts/0002:train.py")),
}


@pytest.mark.parametrize("deed", FOREIGN_HANDS)
def test_foreign_hands_in_the_repository_stop_the_run_untouched(night: Path, deed: str) -> None:
    FOREIGN_HANDS[deed](night)
    before = snapshot(night)
    with pytest.raises(LedgerError):
        GitLedger(night, ORIGIN)
    assert snapshot(night) == before


def test_a_branch_of_the_users_own_is_none_of_our_business(night: Path) -> None:
    git(night, "branch", "mine", "best")
    with GitLedger(night, ORIGIN) as ledger:
        assert ledger.evidence().best_number == 3


def test_a_best_that_moves_during_the_run_stops_it_at_the_next_keep(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    with GitLedger(folder, ORIGIN) as ledger:
        settle(ledger, scored(ledger.open(proposal(1)), 2.0), KEEP)
        second = ledger.open(proposal(2))
        git(folder, "update-ref", "refs/heads/best", "refs/attempts/0002")
        git(folder, "update-ref", "refs/heads/best", "refs/heads/template")
        with pytest.raises(LedgerError, match="update-ref"):
            settle(ledger, scored(second, 1.0), KEEP)
        with pytest.raises(LedgerError, match="stopped at an earlier error"):
            ledger.open(proposal(3))
    assert git(folder, "rev-parse", "best") == git(folder, "rev-parse", "template")
    with pytest.raises(LedgerError, match="refs/heads/best points to"):
        GitLedger(folder, ORIGIN)


def test_a_damaged_log_stops_the_run_with_its_line(night: Path) -> None:
    log = night / "audit.jsonl"
    log.write_text(log.read_text().replace('"value":2.5', '"value":1.5'))
    before = snapshot(night)
    with pytest.raises(OrchestratorError, match=r"audit\.jsonl line 6: was changed"):
        GitLedger(night, ORIGIN)
    assert snapshot(night) == before


def test_the_log_holds_what_was_run_and_measured(tmp_path: Path) -> None:
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        attempt = ledger.open(proposal())
        run = Run("run-1", Outcome.TIMED_OUT, 20.5, reason="deadline", exit_code=137, container={"pids": 64})
        settle(ledger, replace(scored(attempt, 1.0), run=run, score=None), DISCARD)
    lines = (tmp_path / "night/audit.jsonl").read_text().splitlines()
    measured, closed = (json.loads(line) for line in lines[-2:])
    expected = {"outcome": "timed_out", "train_seconds": 20.5, "exit_code": 137, "container": {"pids": 64}}
    assert expected.items() <= measured["run"].items()
    assert (measured["seed"], measured["serving"], measured["score"]) == (attempt.seed, 1, None)
    assert (closed["action"], closed["status"], closed["values"]) == ("discard", "timed_out", [])


def test_files_that_were_read_once_are_compared_without_being_read_again(night: Path) -> None:
    with GitLedger(night, ORIGIN) as ledger:
        history = ledger.history()
        first, *others = (entry.files for entry in history.entries)
        assert [first == files for files in others] == [False, False]
        shutil.rmtree(night / "repo.git")
        assert first == {"train.py": "DEPTH = 2\n"}
        assert first != {"train.py": "DEPTH = 3\n"}
        assert twin(history, {"train.py": "DEPTH = 4\n"}) == history.entries[2]
