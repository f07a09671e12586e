"""The story of a run: what its log, its repository or a table tells, and what a broken one still does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger.audit import RESERVED, AuditLog, Event
from orchestrator.ledger.git import GitLedger
from orchestrator.ledger.story import Archive, read_story, story_of_results
from orchestrator.records import Action, Direction
from tests.ledger.ledger_parts import DISCARD, ORIGIN, crashed, git, proposal, refused, settle

UPSTREAM = Path(__file__).parent / "data/mar8_results.tsv"


def rewritten(night: Path, change: Callable[[Event], Event]) -> Path:
    """The same night with other fields in its events, its chain whole."""
    log = night / "audit.jsonl"
    events = [json.loads(line) for line in log.read_text().splitlines()]
    log.unlink()
    audit = AuditLog(log)
    for event in map(change, events):
        audit.append(event["event"], **{key: value for key, value in event.items() if key not in RESERVED})
    audit.close()
    return night


def test_a_night_is_told_attempt_by_attempt(night: Path) -> None:
    story = read_story(night)
    assert (story.tag, story.task, story.version, story.policy_digest) == ("night", "toy", "0.1.0", "d" * 64)
    assert story.kept == (1, 3)
    first, second, third = story.attempts
    assert (first.action, second.action, third.action) == (Action.KEEP, Action.DISCARD, Action.KEEP)
    assert (first.title, first.hypothesis, first.base, third.base) == ("depth 2", "deeper", 0, 1)
    assert [run.value for run in first.runs] == [2.0, 2.0]
    assert [run.serving for run in first.runs] == [1, 3]
    assert first.runs[0].seed != first.runs[1].seed
    assert (first.stderr, first.train_seconds, first.runs[0].memory_gb) == (0.01, 6.0, 2.0)
    assert third.value == 1.5
    assert third.opened_at is not None
    assert third.closed_at is not None
    assert third.opened_at <= third.closed_at
    assert story.best is third
    assert story.gain(third, first) == 0.5
    assert story.noise is not None
    assert story.noise_degrees == 1
    assert not story.in_progress


def test_refused_crashed_and_open_attempts_have_no_value(night: Path) -> None:
    with GitLedger(night, ORIGIN) as ledger:
        settle(ledger, refused(ledger.open(proposal(4))), DISCARD)
        settle(ledger, crashed(ledger.open(proposal(5))), DISCARD)
        ledger.open(proposal(6))
        assert read_story(night).in_progress
    story = read_story(night)
    assert [each.status for each in story.attempts[3:]] == ["refused", "crashed", "open"]
    assert [each.value for each in story.attempts[3:]] == [None, None, None]
    assert story.attempt(4).objections[0].code == "import"
    assert story.attempt(5).runs[0].reason == "crashed: exit code 1"
    assert story.attempt(6).action is None


def test_diffs_and_logs_come_from_the_repository_when_they_are_asked_for(night: Path) -> None:
    story, archive = read_story(night), Archive(night)
    assert "-DEPTH = 2\n+DEPTH = 4\n" in archive.diff(story.attempt(3))
    assert archive.log(1) == "step 1\n"
    assert archive.log(1, 2) == "the best once more\n"
    assert archive.log(1, 3) == ""


def test_the_chain_is_whole_and_its_head_is_the_last_lines_hash(night: Path) -> None:
    lines = (night / "audit.jsonl").read_text().splitlines()
    chain = read_story(night).chain
    assert chain is not None
    assert (chain.events, chain.head, chain.problem) == (len(lines), json.loads(lines[-1])["hash"], "")


def test_a_broken_log_is_told_up_to_its_break(night: Path) -> None:
    log = night / "audit.jsonl"
    log.write_text(log.read_text().replace('"value":2.5', '"value":0.5'))
    story = read_story(night)
    assert story.chain is not None
    assert story.chain.problem == "audit.jsonl line 6: was changed: its hash does not match"
    assert story.chain.events == 5
    assert [each.status for each in story.attempts] == ["scored", "open"]


def test_a_ref_that_foreign_hands_moved_is_named(night: Path) -> None:
    git(night, "update-ref", "refs/heads/best", "refs/attempts/0002")
    chain = read_story(night).chain
    assert chain is not None
    assert chain.problem.startswith("refs/heads/best points to ")


def test_a_folder_without_a_log_has_no_story(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"audit\.jsonl cannot be read"):
        read_story(tmp_path)
    (tmp_path / "audit.jsonl").touch()
    with pytest.raises(LedgerError, match="the run has not begun"):
        read_story(tmp_path)


def test_sittings_last_until_their_end_or_the_last_sign_of_them(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    with GitLedger(folder, ORIGIN) as ledger:
        ledger.record("night_began", proposer="tuner", gpu=None)
        ledger.record("fault_occurred", message="the engine")
    with GitLedger(folder, ORIGIN) as ledger:
        ledger.record("night_began", proposer="openai:m", gpu=None)
        ledger.record("night_ended", reason="the time is up")
    story = read_story(folder)
    events = [json.loads(line) for line in (folder / "audit.jsonl").read_text().splitlines()]
    assert [(each.proposer, each.reason) for each in story.sittings] == [
        ("tuner", ""),
        ("openai:m", "the time is up"),
    ]
    fault = next(event for event in events if event["event"] == "fault_occurred")
    assert story.sittings[0].until.isoformat(timespec="milliseconds") == fault["time"]
    assert [each.event for each in story.happenings][1] == "fault_occurred"


def test_digests_of_prompt_and_reply_are_told_when_they_are_there(night: Path) -> None:
    def with_digests(event: Event) -> Event:
        opened = event["event"] == "attempt_opened"
        return {**event, "prompt_sha256": "p" * 64, "reply_sha256": "r" * 64} if opened else event

    assert read_story(night).attempt(1).prompt_sha256 == ""
    first = read_story(rewritten(night, with_digests)).attempt(1)
    assert (first.prompt_sha256, first.reply_sha256) == ("p" * 64, "r" * 64)


def test_the_policy_in_force_is_the_last_that_the_log_names(night: Path) -> None:
    with GitLedger(night, ORIGIN) as ledger:
        ledger.record("policy_tightened", policy_digest="e" * 64)
    (night / "policy.yaml").write_text("edit: {}\n")
    story = read_story(night)
    assert (story.policy_digest, story.policy) == ("e" * 64, "edit: {}\n")


def test_upstreams_own_night_is_a_story() -> None:
    story = story_of_results(UPSTREAM)
    assert len(story.attempts) == 126
    assert len(story.kept) == 23
    assert story.baseline is not None
    assert story.best is not None
    assert (story.baseline.value, story.best.value, story.best.number) == (0.9979, 0.969686, 119)
    assert [each.number for each in story.attempts if each.status == "crashed"] == [16]
    assert (story.measure.name, story.measure.unit, story.lower_is_better) == (
        "val_bpb",
        "bits per byte",
        True,
    )
    assert (story.chain, story.sittings, story.noise) == (None, (), None)


def test_a_table_whose_keeps_climb_is_better_when_higher(tmp_path: Path) -> None:
    table = tmp_path / "digits.tsv"
    rows = ("a\t0.800000\t0.1\tkeep\tbaseline", "b\t0.900000\t0.1\tkeep\twider")
    table.write_text("\n".join(["commit\taccuracy\tmemory_gb\tstatus\tdescription", *rows]) + "\n")
    measure = story_of_results(table).measure
    assert (measure.name, measure.unit, measure.direction) == ("accuracy", "", Direction.MAXIMIZE)
