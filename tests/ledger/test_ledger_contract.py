"""What every ledger does, the real one and the shipped double."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.deciding.night import Closed, Night, Sample
from orchestrator.errors import LedgerError
from orchestrator.ledger.git import GitLedger
from orchestrator.ports import Ledger
from orchestrator.records import Action, Decision, Experiment, Holdout, Proposal, Spent, Usage, Verdict
from orchestrator.testing import MemoryLedger
from tests.ledger.ledger_parts import (
    DISCARD,
    KEEP,
    ORIGIN,
    TEMPLATE,
    crashed,
    proposal,
    refused,
    scored,
    settle,
)

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


def best(ledger: Ledger) -> tuple[float | None, int | None]:
    evidence = ledger.evidence()
    return evidence.best_value, evidence.best_number


def test_a_new_run_knows_the_template_and_no_value(ledger: Ledger) -> None:
    assert (ledger.history().best_files, ledger.history().best_value) == (TEMPLATE, None)
    assert (best(ledger), ledger.recover(), ledger.history().entries) == ((None, None), None, ())


def test_the_first_attempt_is_based_on_the_template_and_has_no_parent(ledger: Ledger) -> None:
    attempt = ledger.open(proposal())
    assert (attempt.number, attempt.parent, attempt.base_files) == (1, None, TEMPLATE)
    assert attempt.files == {"train.py": "DEPTH = 2\n"}


def test_a_kept_attempt_becomes_the_base_of_the_next(ledger: Ledger) -> None:
    first = ledger.open(proposal(1))
    settle(ledger, scored(first, 2.0), KEEP)
    second = ledger.open(proposal(2))
    assert (second.parent, second.base_files) == (first.commit, first.files)
    assert best(ledger) == (2.0, 1)
    assert (ledger.history().best_files, ledger.history().best_value) == (first.files, 2.0)


def test_a_discarded_attempt_changes_nothing_but_the_history(ledger: Ledger) -> None:
    settle(ledger, scored(ledger.open(proposal(1)), 2.0), DISCARD)
    assert (best(ledger), ledger.history().best_files) == ((None, None), TEMPLATE)
    entry = ledger.history().entries[0]
    assert (entry.status, entry.value, entry.action) == ("scored", 2.0, "discard")


def test_a_malformed_reply_is_an_attempt_with_the_files_of_its_base(ledger: Ledger) -> None:
    attempt = ledger.open(Proposal("garbage", {}, problem="the reply holds no edit"))
    assert (attempt.files, attempt.proposal.problem) == (TEMPLATE, "the reply holds no edit")


def test_refused_and_crashed_attempts_have_entries_without_a_value(ledger: Ledger) -> None:
    settle(ledger, refused(ledger.open(proposal(1))), DISCARD)
    settle(ledger, crashed(ledger.open(proposal(2))), DISCARD)
    entries = ledger.history().entries
    assert [(entry.status, entry.value) for entry in entries] == [("refused", None), ("crashed", None)]


@pytest.mark.parametrize("experiment", [refused, crashed, lambda attempt: Experiment(attempt, Verdict())])
def test_what_has_no_value_cannot_be_kept(ledger: Ledger, experiment: Callable[..., Experiment]) -> None:
    attempt = ledger.open(proposal())
    with pytest.raises(LedgerError, match="no value"):
        settle(ledger, experiment(attempt), KEEP)
    assert best(ledger) == (None, None)


def test_an_attempt_is_closed_once(ledger: Ledger) -> None:
    experiment = scored(ledger.open(proposal()), 2.0)
    settle(ledger, experiment, DISCARD)
    with pytest.raises(LedgerError, match="attempt 0001 is not open"):
        settle(ledger, experiment, KEEP)
    assert (best(ledger), len(ledger.history().entries)) == ((None, None), 1)


def test_each_attempt_has_its_own_seed(ledger: Ledger) -> None:
    seeds = [ledger.open(proposal(number)).seed for number in range(1, 6)]
    assert len(set(seeds)) == 5
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_two_attempts_may_be_open_and_closed_in_any_order(ledger: Ledger) -> None:
    first, second = ledger.open(proposal(1)), ledger.open(proposal(2))
    settle(ledger, scored(second, 1.0), KEEP)
    settle(ledger, scored(first, 2.0), Decision(DISCARD.action, "worse"))
    assert [entry.number for entry in ledger.history().entries] == [2, 1]
    assert best(ledger) == (1.0, 2)


def test_each_run_has_a_seed_of_its_own_that_the_ledger_draws(ledger: Ledger) -> None:
    attempt = ledger.open(proposal())
    assert ledger.next_run(1) == attempt
    ledger.measure(scored(attempt, 2.0), 1)
    second = ledger.next_run(1)
    assert second.seed != attempt.seed
    assert replace(second, seed=attempt.seed) == attempt
    assert ledger.next_run(1) == second


def test_every_value_of_an_attempt_is_evidence_and_its_mean_is_its_value(ledger: Ledger) -> None:
    attempt = ledger.open(proposal())
    for value in (2.0, 2.5):
        ledger.measure(scored(ledger.next_run(1), value), 1)
    assert ledger.evidence(1).candidate == Sample((2.0, 2.5), 1, 2)
    settle(ledger, scored(attempt, 3.0), KEEP)
    assert best(ledger) == (2.5, 1)
    entry = ledger.history().entries[0]
    assert (entry.value, entry.runs) == (2.5, 3)


def test_a_run_without_a_value_counts_as_tried(ledger: Ledger) -> None:
    attempt = ledger.open(proposal())
    ledger.measure(crashed(attempt), 1)
    assert ledger.evidence(1).candidate == Sample((), 1, 1)


def test_the_best_is_measured_again_for_another_attempt(ledger: Ledger) -> None:
    settle(ledger, scored(ledger.open(proposal(1)), 2.0), KEEP)
    second = ledger.open(proposal(2))
    ledger.measure(scored(second, 1.9), 2)
    ledger.measure(scored(ledger.next_run(1), 3.0), 2)
    evidence = ledger.evidence(2)
    assert (evidence.best.values, evidence.candidate.values) == ((2.0, 3.0), (1.9,))
    assert (ledger.history().best_value, ledger.history().entries[0].value) == (2.5, 2.5)


def test_the_night_of_the_evidence_is_every_closed_attempt_with_the_best_of_its_time(ledger: Ledger) -> None:
    settle(ledger, scored(ledger.open(proposal(1)), 2.0), KEEP)
    settle(ledger, crashed(ledger.open(proposal(2))), DISCARD)
    settle(ledger, scored(ledger.open(proposal(3)), 2.5), DISCARD)
    sure = Decision(Action.KEEP, "better", {"probability": 0.97})
    settle(ledger, scored(ledger.open(proposal(4)), 1.0), sure)
    fifth = ledger.open(proposal(5))
    ledger.measure(scored(ledger.next_run(4), 1.2), fifth.number)
    assert ledger.evidence(5).night == Night(
        (Closed((2.0,), True), Closed((2.5,), False, best=0), Closed((1.0,), True, 0.97, best=0)),
        ((2.0,), (1.0, 1.2)),
    )


def test_only_an_open_attempt_and_the_best_can_be_served(ledger: Ledger) -> None:
    settle(ledger, scored(ledger.open(proposal(1)), 2.0), KEEP)
    settle(ledger, scored(ledger.open(proposal(2)), 3.0), DISCARD)
    ledger.measure(scored(ledger.next_run(1), 2.5), 1)
    assert best(ledger) == (2.25, 1)
    with pytest.raises(LedgerError, match="attempt 0002 is not open"):
        ledger.measure(scored(ledger.next_run(2), 2.0), 2)


def test_the_history_tells_what_is_under_way_and_what_each_attempt_was_built_on(ledger: Ledger) -> None:
    settle(ledger, scored(ledger.open(proposal(1)), 2.0), KEEP)
    settle(ledger, scored(ledger.open(replace(proposal(2), kind="schedule")), 3.0), DISCARD)
    ledger.open(proposal(3))
    history = ledger.history()
    assert [(entry.base, entry.kind) for entry in history.entries] == [(0, ""), (1, "schedule")]
    assert [(each.number, each.title) for each in history.underway] == [(3, proposal(3).title)]
    assert (history.best_number, history.noise) == (1, None)
    ledger.measure(scored(ledger.next_run(1), 2.2), 3)
    assert ledger.history().noise == pytest.approx(0.1 * 2**0.5)


def test_what_is_held_for_a_person_leaves_the_best_where_it_was(ledger: Ledger) -> None:
    settle(ledger, scored(ledger.open(proposal(1)), 2.0), KEEP)
    settle(ledger, scored(ledger.open(proposal(2)), 0.1), Decision(Action.HOLD, "too good to be true"))
    assert best(ledger) == (2.0, 1)
    assert ledger.history().entries[1].action is Action.HOLD


def test_what_was_measured_on_the_holdout_reaches_no_proposer_and_no_decision(ledger: Ledger) -> None:
    experiment = scored(ledger.open(proposal()), 2.0)
    assert experiment.score is not None
    score = replace(experiment.score, holdout=Holdout(2.718281, stderr=0.1))
    settle(ledger, replace(experiment, score=score), KEEP)
    assert "2.718281" not in repr(ledger.history())
    assert "2.718281" not in repr(ledger.evidence())


def test_what_the_model_cost_adds_up_from_attempt_to_attempt(ledger: Ledger) -> None:
    costs = [Usage(1, 100, 20, dollars=0.5), Usage(), Usage(2, 50, 10, dollars=0.25), Usage(1, 1, 1)]
    spent = [ledger.open(replace(proposal(n), usage=usage)).spent for n, usage in enumerate(costs)]
    assert spent == [Spent(1, 120, 0.5), Spent(1, 120, 0.5), Spent(3, 180, 0.75), Spent(4, 182, None)]
    assert ledger.next_run(3).spent == spent[2]
