"""Following a run from outside: each event is read once, and what other hands do to the log is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger.following import Follower
from orchestrator.ledger.git import GitLedger
from orchestrator.ledger.story import read_story
from orchestrator.records import Action
from orchestrator.story import Glimpse, Story
from tests.ledger.ledger_parts import DISCARD, KEEP, ORIGIN, proposal, scored, settle


def seen(follower: Follower) -> Glimpse:
    glimpse = follower.look()
    assert glimpse is not None
    return glimpse


def problem(story: Story) -> str:
    assert story.chain is not None
    return story.chain.problem


def test_the_first_look_tells_everything_and_the_next_nothing(night: Path) -> None:
    follower = Follower(night)
    glimpse = seen(follower)
    assert (glimpse.changed, glimpse.fresh) == ((1, 2, 3), True)
    assert glimpse.story == read_story(night)
    assert follower.look() is None


def test_later_looks_tell_what_is_new_and_end_where_a_whole_reading_does(night: Path) -> None:
    follower = Follower(night)
    seen(follower)
    with GitLedger(night, ORIGIN) as ledger:
        attempt = ledger.open(proposal(4))
        glimpse = seen(follower)
        assert (glimpse.changed, glimpse.fresh, glimpse.story.in_progress) == ((4,), False, True)
        assert glimpse.story.attempt(4).action is None
        ledger.measure(scored(ledger.next_run(3), 1.4), 4)
        assert seen(follower).changed == (3, 4)
        settle(ledger, scored(attempt, 1.0), KEEP)
        glimpse = seen(follower)
        assert glimpse.changed == (4,)
        assert glimpse.story.attempt(4).action is Action.KEEP
        assert glimpse.story.noise is not None
    assert seen(follower).story == read_story(night)


def test_what_was_read_is_not_read_again(night: Path) -> None:
    follower = Follower(night)
    before = seen(follower).story
    with GitLedger(night, ORIGIN) as ledger:
        size = (night / "audit.jsonl").stat().st_size
        with (night / "audit.jsonl").open("r+b") as log:
            log.write(b"x" * 100)
        settle(ledger, scored(ledger.open(proposal(4)), 3.0), DISCARD)
        after = seen(follower).story
        assert (after.attempts[:3], len(after.attempts), problem(after)) == (before.attempts, 4, "")
        assert (night / "audit.jsonl").stat().st_size > size
    with pytest.raises(LedgerError):
        read_story(night)


@pytest.mark.parametrize("harm", ["none", "missing", "behind", "false"])
def test_the_index_only_makes_it_quicker(night: Path, harm: str) -> None:
    index = night / "audit.index"
    lines = index.read_bytes().splitlines(keepends=True)
    if harm == "missing":
        index.unlink()
    elif harm == "behind":
        index.write_bytes(b"".join(lines[:3]))
    elif harm == "false":
        index.write_bytes(index.read_bytes().replace(b'"value":2.5', b'"value":0.5'))
    assert seen(Follower(night)).story == read_story(night)


def test_a_changed_log_is_found_though_its_index_is_whole(night: Path) -> None:
    log = night / "audit.jsonl"
    log.write_text(log.read_text().replace('"value":2.5', '"value":0.5'))
    assert problem(seen(Follower(night)).story) == "audit.jsonl line 6: was changed: its hash does not match"


def test_half_a_line_is_waited_for(night: Path) -> None:
    log = night / "audit.jsonl"
    whole = log.read_bytes()
    end = whole.rindex(b"\n", 0, -1) + 1
    with log.open("r+b") as file:
        file.truncate(end + 20)
        follower = Follower(night)
        glimpse = seen(follower)
        assert glimpse.story.attempt(3).action is None
        file.seek(end)
        file.write(whole[end:])
    glimpse = seen(follower)
    assert glimpse.changed == (3,)
    assert (glimpse.story.attempt(3).action, problem(glimpse.story)) == (Action.KEEP, "")


def test_a_changed_line_is_named_and_nothing_after_it_is_told(night: Path) -> None:
    follower = Follower(night)
    events = seen(follower).story.chain
    with (night / "audit.jsonl").open("ab") as log:
        log.write(b'{"seq":99}\n')
    story = seen(follower).story
    assert problem(story).endswith("is not a record")
    assert events is not None
    assert story.chain is not None
    assert story.chain.events == events.events
    assert follower.look() is None


def test_a_log_that_was_cut_is_read_from_its_beginning(night: Path) -> None:
    log = night / "audit.jsonl"
    follower = Follower(night)
    seen(follower)
    lines = log.read_bytes().splitlines(keepends=True)
    with log.open("r+b") as file:
        file.truncate(sum(map(len, lines[:4])))
    glimpse = seen(follower)
    assert (glimpse.fresh, glimpse.changed) == (True, (1,))


def test_a_log_that_is_gone_is_a_break_and_one_that_came_back_is_told_anew(
    night: Path, tmp_path: Path
) -> None:
    log = night / "audit.jsonl"
    follower = Follower(night)
    seen(follower)
    log.rename(tmp_path / "away")
    assert problem(seen(follower).story) == "audit.jsonl cannot be read: No such file or directory"
    assert follower.look() is None
    (tmp_path / "away").rename(log)
    glimpse = seen(follower)
    assert (glimpse.fresh, problem(glimpse.story)) == (True, "")


def test_a_ref_that_foreign_hands_moved_is_named_at_the_first_look(night: Path) -> None:
    (night / "repo.git/refs/attempts/0099").write_text(f"{read_story(night).attempt(1).commit}\n")
    assert problem(seen(Follower(night)).story) == "refs/attempts/0099 is unknown to the log"


def test_a_folder_without_a_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be read"):
        Follower(tmp_path).look()
    (tmp_path / "audit.jsonl").touch()
    with pytest.raises(LedgerError, match="has not begun"):
        Follower(tmp_path).look()


def test_a_whole_event_is_read_by_its_line(night: Path) -> None:
    follower = Follower(night)
    run = seen(follower).story.attempt(1).runs[0]
    assert follower.event(run.line)["run"]["run_id"] == "run-0001"


def test_a_run_that_came_to_its_end_is_over_whoever_still_holds_its_lock(night: Path) -> None:
    with GitLedger(night, ORIGIN) as ledger:
        ledger.record("night_began", proposer="tuner", gpu=None)
        follower = Follower(night)
        assert seen(follower).story.in_progress
        ledger.record("night_ended", reason="the time is up")
        assert not seen(follower).story.in_progress
        assert follower.look() is None
