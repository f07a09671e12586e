"""What every ledger does, the real one and the shipped double."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger.git import GitLedger
from orchestrator.ports import Ledger
from orchestrator.records import Decision, Evidence, Experiment, Proposal, Verdict
from orchestrator.testing import MemoryLedger
from tests.ledger.ledger_parts import DISCARD, KEEP, ORIGIN, TEMPLATE, crashed, proposal, refused, scored

KINDS: dict[str, Callable[[Path], Ledger]] = {
    "git": lambda folder: GitLedger(folder / "night", ORIGIN),
    "memory": lambda _: MemoryLedger(TEMPLATE),
}


@pytest.fixture(params=KINDS)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    made = KINDS[request.param](tmp_path)
    yield made
    if isinstance(made, GitLedger):
        made.release()


def test_a_new_run_knows_the_template_and_no_value(ledger: Ledger) -> None:
    assert (ledger.history().best_files, ledger.history().best_value) == (TEMPLATE, None)
    assert (ledger.evidence(), ledger.recover(), ledger.history().entries) == (Evidence(), None, ())


def test_the_first_attempt_is_based_on_the_template_and_has_no_parent(ledger: Ledger) -> None:
    attempt = ledger.open(proposal())
    assert (attempt.number, attempt.parent, attempt.base_files) == (1, None, TEMPLATE)
    assert attempt.files == {"train.py": "DEPTH = 2\n"}


def test_a_kept_attempt_becomes_the_base_of_the_next(ledger: Ledger) -> None:
    first = ledger.open(proposal(1))
    ledger.close(scored(first, 2.0), KEEP)
    second = ledger.open(proposal(2))
    assert (second.parent, second.base_files) == (first.commit, first.files)
    assert ledger.evidence() == Evidence(2.0, 1)
    assert (ledger.history().best_files, ledger.history().best_value) == (first.files, 2.0)


def test_a_discarded_attempt_changes_nothing_but_the_history(ledger: Ledger) -> None:
    ledger.close(scored(ledger.open(proposal(1)), 2.0), DISCARD)
    assert (ledger.evidence(), ledger.history().best_files) == (Evidence(), TEMPLATE)
    entry = ledger.history().entries[0]
    assert (entry.status, entry.value, entry.action) == ("scored", 2.0, "discard")


def test_a_malformed_reply_is_an_attempt_with_the_files_of_its_base(ledger: Ledger) -> None:
    attempt = ledger.open(Proposal("garbage", {}, problem="the reply holds no edit"))
    assert (attempt.files, attempt.proposal.problem) == (TEMPLATE, "the reply holds no edit")


def test_refused_and_crashed_attempts_have_entries_without_a_value(ledger: Ledger) -> None:
    ledger.close(refused(ledger.open(proposal(1))), DISCARD)
    ledger.close(crashed(ledger.open(proposal(2))), DISCARD)
    entries = ledger.history().entries
    assert [(entry.status, entry.value) for entry in entries] == [("refused", None), ("crashed", None)]


@pytest.mark.parametrize("experiment", [refused, crashed, lambda attempt: Experiment(attempt, Verdict())])
def test_what_has_no_value_cannot_be_kept(ledger: Ledger, experiment: Callable[..., Experiment]) -> None:
    attempt = ledger.open(proposal())
    with pytest.raises(LedgerError, match="no value"):
        ledger.close(experiment(attempt), KEEP)
    assert ledger.evidence() == Evidence()


def test_an_attempt_is_closed_once(ledger: Ledger) -> None:
    experiment = scored(ledger.open(proposal()), 2.0)
    ledger.close(experiment, DISCARD)
    with pytest.raises(LedgerError, match="attempt 0001 is not open"):
        ledger.close(experiment, KEEP)
    assert (ledger.evidence(), len(ledger.history().entries)) == (Evidence(), 1)


def test_each_attempt_has_its_own_seed(ledger: Ledger) -> None:
    seeds = [ledger.open(proposal(number)).seed for number in range(1, 6)]
    assert len(set(seeds)) == 5
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_two_attempts_may_be_open_and_closed_in_any_order(ledger: Ledger) -> None:
    first, second = ledger.open(proposal(1)), ledger.open(proposal(2))
    ledger.close(scored(second, 1.0), KEEP)
    ledger.close(scored(first, 2.0), Decision(DISCARD.action, "worse"))
    assert [entry.number for entry in ledger.history().entries] == [2, 1]
    assert ledger.evidence() == Evidence(1.0, 2)
