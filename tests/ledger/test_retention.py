"""What is kept of a run: digests always, a model's words on request, and bulk up to the policy's bound."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.exchange import Exchange
from orchestrator.ledger.audit import read_events
from orchestrator.ledger.export import read_results_tsv, rebuild
from orchestrator.ledger.git import GitLedger
from orchestrator.ledger.retention import reckoned_bytes
from orchestrator.ledger.standing import read_standing
from orchestrator.ledger.story import read_story
from orchestrator.ledger.verification import verify_run
from orchestrator.policy import Policy, RecordsPolicy
from orchestrator.policy.comparing import compare
from orchestrator.policy.succession import Succession
from orchestrator.views.answer import needs
from tests.ledger.ledger_parts import (
    BOUNDED,
    DISCARD,
    KEEP,
    KEEPING,
    LONG_LOG,
    ORIGIN,
    from_model,
    git,
    proposal,
    run_bounded_night,
    run_night,
    scored,
    settle,
    under,
)

SAID = Exchange(
    (("system", "Propose."), ("user", "canary-prompt \u00e9 \x1b[31m")), "canary-reply \U0001f600\n"
)


def keep_one(folder: Path, records: RecordsPolicy, said: Exchange = SAID) -> dict[str, Any]:
    """A run of one attempt by a model; returns its opening event."""
    with GitLedger(folder, under(records)) as ledger:
        settle(ledger, scored(ledger.open(from_model(1, said)), 2.0), KEEP)
    return next(event for event in read_events(folder / "audit.jsonl") if event["event"] == "attempt_opened")


def written(folder: Path) -> bytes:
    """Every byte of a run, its objects unpacked."""
    objects = list(folder.glob("repo.git/objects/??/*"))
    others = [path for path in folder.rglob("*") if path.is_file() and path not in objects]
    return b"".join(
        [path.read_bytes() for path in others] + [zlib.decompress(p.read_bytes()) for p in objects]
    )


def test_a_record_has_the_digests_of_prompt_and_reply_and_not_their_text(tmp_path: Path) -> None:
    opened = keep_one(tmp_path / "night", RecordsPolicy())
    chat = [{"content": content, "role": role} for role, content in SAID.messages]
    prompt = json.dumps(chat, separators=(",", ":"), ensure_ascii=True)
    assert opened["prompt_sha256"] == hashlib.sha256(prompt.encode()).hexdigest()
    assert opened["reply_sha256"] == hashlib.sha256(SAID.reply.encode()).hexdigest()
    story = read_story(tmp_path / "night").attempt(1)
    assert (story.prompt_sha256, story.reply_sha256) == (opened["prompt_sha256"], opened["reply_sha256"])
    assert b"canary" not in written(tmp_path / "night")


def test_who_is_no_model_has_no_digests(tmp_path: Path) -> None:
    with GitLedger(tmp_path / "night", under(KEEPING)) as ledger:
        ledger.open(proposal())
    opened = list(read_events(tmp_path / "night/audit.jsonl"))[-1]
    assert (opened["prompt_sha256"], opened["reply_sha256"]) == ("", "")
    assert git(tmp_path / "night", "for-each-ref", "refs/prompts") == ""


def test_on_request_the_words_are_kept_whole_where_git_shows_them(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    keep_one(folder, KEEPING)
    shown = git(folder, "show", "refs/prompts/0001")
    assert Exchange.from_json(shown.encode()) == SAID
    assert shown.isascii()
    assert shown.isprintable()
    assert b"canary-prompt" in written(folder)
    assert verify_run(folder) == []
    GitLedger(folder, under(KEEPING)).release()


def test_a_longer_exchange_than_the_policy_allows_is_not_kept(tmp_path: Path) -> None:
    records = RecordsPolicy(keep_prompts=True, max_prompt_kib=1)
    opened = keep_one(tmp_path / "night", records, Exchange((("user", "canary " * 200),), "yes"))
    assert opened["prompt_sha256"]
    assert git(tmp_path / "night", "for-each-ref", "refs/prompts") == ""
    assert b"canary" not in written(tmp_path / "night")
    assert verify_run(tmp_path / "night") == []


def test_verify_finds_a_prompt_that_was_put_in_the_place_of_another(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    keep_one(folder, KEEPING)
    other = git(folder, "hash-object", "-w", "--stdin", stdin=json.dumps({"messages": [], "reply": "no"}))
    git(folder, "update-ref", "refs/prompts/0001", other)
    assert [finding.place for finding in verify_run(folder)] == ["refs/prompts/0001"]


def test_verify_finds_a_prompt_that_was_changed_in_its_object(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    keep_one(folder, KEEPING)
    blob = git(folder, "rev-parse", "refs/prompts/0001")
    path = folder / "repo.git/objects" / blob[:2] / blob[2:]
    changed = zlib.decompress(path.read_bytes()).replace(b"canary-prompt", b"honest-prompt")
    path.chmod(0o644)
    path.write_bytes(zlib.compress(changed))
    assert [str(finding) for finding in verify_run(folder)] == [
        f"night: object {blob} in repo.git is damaged"
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [("prompt_sha256", "the prompt is not the one that line"), ("reply_sha256", "the reply is not the one")],
)
def test_verify_holds_kept_words_against_their_digests(tmp_path: Path, name: str, said: str) -> None:
    folder = tmp_path / "night"
    with GitLedger(folder, under(KEEPING)) as ledger:
        ledger.open(replace(from_model(), **{name: "f" * 64}))  # type: ignore[arg-type]
    assert [finding.place for finding in verify_run(folder)] == ["refs/prompts/0001"]
    assert verify_run(folder)[0].problem.startswith(said)


def events_of(folder: Path, name: str) -> list[dict[str, Any]]:
    return [event for event in read_events(folder / "audit.jsonl") if event["event"] == name]


def test_past_its_bound_a_run_goes_on_with_less_and_says_so_once(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    run_bounded_night(folder)
    (reached,) = events_of(folder, "records_bound_reached")
    assert reached["max_run_mib"] == 1
    assert [event["number"] for event in events_of(folder, "attempt_closed")] == [1, 2, 3]
    assert git(folder, "for-each-ref", "--format=%(refname)", "refs/prompts").split() == [
        "refs/prompts/0001",
        "refs/prompts/0002",
    ]
    assert git(folder, "show", "refs/logs/0002") + "\n" == LONG_LOG
    end = git(folder, "show", "refs/logs/0003")
    assert end.startswith("[cut]\n")
    assert LONG_LOG.endswith(end.removeprefix("[cut]\n") + "\n")
    assert len(end) <= 4096
    assert sorted(path.name for path in (folder / "experiments").iterdir()) == ["0001", "0003"]
    assert len(read_results_tsv(folder / "results.tsv")) == 3
    assert any("records.max_run_mib" in sentence for sentence in needs(read_story(folder)))


def test_a_run_past_its_bound_is_whole_when_it_is_verified_taken_up_and_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    run_bounded_night(folder)
    assert verify_run(folder) == []
    shutil.rmtree(folder / "experiments")
    with GitLedger(folder, under(BOUNDED)) as ledger:
        assert len(ledger.history().entries) == 3
    assert verify_run(folder) == []
    rebuild(folder)
    assert sorted(path.name for path in (folder / "experiments").iterdir()) == ["0001", "0003"]
    assert verify_run(folder) == []


def test_a_bound_that_is_raised_lets_a_run_keep_all_again(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    run_bounded_night(folder)
    with GitLedger(folder, replace(under(KEEPING), loosen=True)) as ledger:
        settle(ledger, scored(ledger.open(from_model(4)), 3.0, LONG_LOG), DISCARD)
    assert [event["max_run_mib"] for event in events_of(folder, "records_bound_raised")] == [4096]
    assert git(folder, "show", "refs/logs/0004") + "\n" == LONG_LOG
    assert git(folder, "show", "refs/prompts/0004")
    assert (folder / "experiments/0004/log.txt").exists()
    assert verify_run(folder) == []


def test_a_policy_that_is_tightened_in_the_night_holds_from_the_next_attempt_on(tmp_path: Path) -> None:
    folder, tighter = tmp_path / "night", Policy()
    with GitLedger(folder, under(KEEPING)) as ledger:
        settle(ledger, scored(ledger.open(from_model(1)), 2.0), KEEP)
        changes = compare(Policy(records=KEEPING), tighter)
        ledger.record("policy_tightened", **Succession(tighter, changes).fields)
        ledger.open(from_model(2))
    assert git(folder, "for-each-ref", "--format=%(refname)", "refs/prompts") == "refs/prompts/0001"


def noise(kib: int) -> str:
    """A log that hardly packs."""
    return random.Random(kib).randbytes(kib * 512).hex()  # noqa: S311 - the same each time


def taken_bytes(folder: Path) -> int:
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))


def spend_attempts(folder: Path, count: int, records: RecordsPolicy) -> int:
    """So many discarded attempts with logs of 64 KiB; returns what they took on the disk."""
    before = taken_bytes(folder) if folder.exists() else 0
    with GitLedger(folder, under(records)) as ledger:
        for number in range(count):
            attempt = ledger.open(from_model(number, Exchange((("user", noise(32)),), str(number))))
            settle(ledger, scored(attempt, 3.0, noise(64) + str(number)), DISCARD)
    return taken_bytes(folder) - before


def test_what_a_run_is_reckoned_to_take_is_no_less_than_what_it_takes(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    spend_attempts(folder, 12, KEEPING)
    with GitLedger(folder, under(KEEPING)) as ledger:
        reckoned = reckoned_bytes(read_standing(folder).state, ledger._audit)
    assert taken_bytes(folder) <= reckoned <= 3 * taken_bytes(folder)


def test_past_the_bound_an_attempt_takes_little_whatever_it_prints(tmp_path: Path) -> None:
    free = spend_attempts(tmp_path / "free", 20, KEEPING)
    bounded = spend_attempts(tmp_path / "bounded", 20, BOUNDED)
    more = spend_attempts(tmp_path / "bounded", 20, BOUNDED)
    assert free / 20 > 128 * 1024
    assert bounded < 2 * 2**20
    assert more / 20 < 48 * 1024
    assert verify_run(tmp_path / "bounded") == []


def test_a_run_without_a_bound_in_reach_says_nothing(tmp_path: Path) -> None:
    run_night(tmp_path / "night")
    assert events_of(tmp_path / "night", "records_bound_reached") == []
    with (
        GitLedger(tmp_path / "night", ORIGIN) as ledger,
        pytest.raises(ValueError, match="the ledger itself"),
    ):
        ledger.record("records_bound_reached")
