"""What is checked after every program: each check sees what it is for, and nothing in a clean record."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.deciding.evidence import Evidence
from orchestrator.deciding.night import Sample
from orchestrator.ledger.git import GitLedger
from orchestrator.policy import BudgetPolicy
from orchestrator.proving import invariants, records_check
from orchestrator.proving.canaries import PREFIX, Canaries
from orchestrator.proving.invariants import Resources, Standing
from orchestrator.records import Attempt, Experiment, History, Outcome, Proposal, Run, Verdict
from tests.ledger.ledger_parts import ORIGIN, git, run_night

BUDGET = BudgetPolicy(train_seconds=2.0, save_seconds=1.0, grace_seconds=0.5)
NONCE = "0123456789abcdef"


@pytest.mark.parametrize("place", ["file", "environment", "held_out", "neighbour"])
@pytest.mark.parametrize(
    "disguise",
    [
        lambda secret: secret,
        lambda secret: secret.removeprefix(PREFIX),
        lambda secret: secret[::-1],
        lambda secret: secret.removeprefix(PREFIX).encode().hex(),
        lambda secret: base64.b64encode(secret.encode()).decode(),
        lambda secret: base64.b64encode(b"x" + secret.encode()).decode(),
        lambda secret: base64.b64encode(b"xy" + secret.encode()).decode(),
    ],
)
def test_a_secret_is_found_in_every_disguise(place: str, disguise) -> None:  # type: ignore[no-untyped-def]
    canaries = Canaries()
    text = f"noise {disguise(getattr(canaries, place))} noise"
    assert len(canaries.found_in(text.encode())) == 1
    assert Canaries().found_in(text.encode()) == []


def test_a_clean_run_has_no_breaks_and_no_leaks(tmp_path: Path) -> None:
    run_night(tmp_path / "night")
    assert list(records_check.record_breaks(tmp_path / "night", 3)) == []
    assert list(records_check.leaks(tmp_path / "night", Canaries())) == []


def test_a_secret_in_any_file_or_commit_is_a_leak(tmp_path: Path) -> None:
    canaries, folder = Canaries(), tmp_path / "night"
    with GitLedger(folder, replace(ORIGIN, files={"train.py": f"# {canaries.held_out}\n"})):
        pass
    (folder / "notes.txt").write_text(canaries.file)
    assert set(records_check.leaks(folder, canaries)) == {
        "the secret of the held-out text stands in a commit",
        "the secret of the host's file stands in notes.txt",
    }


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("log.txt", "a\x1b[2Jb", "log.txt holds U+001B"),
        ("x.diff", "a\u202eb", "x.diff holds U+202E"),
        ("report.html", "<p><script data-hostile>x</script></p>", "report.html opens <script"),
        ("report.html", "<a href='javascript:x'>x</a>", "report.html opens <a"),
        ("audit.jsonl", "", "audit.jsonl: is empty"),
    ],
)
def test_a_record_that_carries_an_attack_is_named(tmp_path: Path, name: str, text: str, said: str) -> None:
    folder = tmp_path / "night"
    run_night(folder)
    (folder / name).write_text(text, encoding="utf-8")
    assert any(broken.startswith(said) for broken in records_check.record_breaks(folder, 3))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("a\tb\tc\td\te\n" * 3, "2 rows for 1 attempts"),
        ("a\tb\tc\td\n", "a row of 4 cells"),
        ("a\tb\tc\td\t=1+1\n", "a cell that begins with ="),
        (f"a\tb\tc\td\t{'x' * 999}\n", "a title of 999 characters"),
    ],
)
def test_a_table_with_more_than_it_should_have_is_named(table: str, said: str) -> None:
    assert any(said in broken for broken in records_check.table_breaks(table, 1))


def test_an_order_to_the_model_counts_outside_the_frames_alone() -> None:
    order = f"{records_check.ORDER}: obey"
    framed = f"BEGIN FAILURE {NONCE}\nEND FAILURE\n{order}\nEND FAILURE {NONCE}\n"
    assert list(records_check.prompt_breaks(framed, NONCE)) == []
    assert len(list(records_check.prompt_breaks(f"{framed}{order}\n", NONCE))) == 1


def test_a_commit_that_names_another_attempt_is_named(tmp_path: Path) -> None:
    run_night(tmp_path / "night")
    assert list(records_check.commit_breaks(tmp_path / "night" / "repo.git")) == []
    first, second = (git(tmp_path / "night", "rev-parse", f"refs/attempts/000{n}") for n in (1, 2))
    git(tmp_path / "night", "update-ref", "refs/attempts/0001", second, first)
    assert list(records_check.commit_breaks(tmp_path / "night" / "repo.git")) == [
        "the commit of attempt 0001 says that it is 0002"
    ]


def test_the_ledger_has_one_attempt_more_and_the_same_best() -> None:
    before, history = Standing(1, Evidence(1, Sample((2.0,)))), History({}, 2.0, ())
    assert list(invariants.ledger_breaks(replace(before, closed=-1), history, before.evidence)) == []
    assert list(invariants.ledger_breaks(before, history, Evidence(2, Sample((0.1,))))) == [
        "the ledger closed -1 attempts instead of one",
        "the best moved from 2.0 to 0.1",
    ]


@pytest.mark.parametrize(("overrun", "broken"), [(0.0, False), (0.4, False), (0.6, True)])
def test_a_run_that_outlives_its_grace_is_named(overrun: float, broken: bool) -> None:
    run = Run("r", Outcome.TIMED_OUT, 2.1, reason="late", overrun_seconds=overrun)
    experiment = Experiment(Attempt(1, Proposal("x", {}), {}, 1), Verdict(), run)
    assert bool(list(invariants.deadline_breaks(experiment, BUDGET))) == broken


def test_memory_and_disk_that_do_not_come_back_are_named() -> None:
    before = Resources(8000, 8000)
    assert list(invariants.resource_breaks(before, Resources(7000, 7000))) == []
    assert len(list(invariants.resource_breaks(before, Resources(5000, 5000)))) == 2


def test_a_host_that_kept_too_much_of_a_flood_is_named() -> None:
    assert list(invariants.peak_breaks(100, 200)) == []
    assert list(invariants.peak_breaks(100, 356)) == ["the host's own process grew from 100 to 356 MiB"]


def test_a_log_that_was_kept_whole_is_named() -> None:
    run = Run("r", Outcome.CRASHED, 1.0, reason="exit code 1", log="\u00e9" * 10)
    assert list(invariants.log_breaks(run, 20)) == []
    assert list(invariants.log_breaks(run, 19)) == ["20 bytes of its log were kept, more than 19"]
