"""How widely a night has looked is told from its records alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.breadth import (
    KINDS,
    attempts_since_keep,
    combinations,
    kind_guessed,
    kind_named,
    kinds_tried,
    least_tried,
    near_misses,
)
from orchestrator.changes import change_between
from orchestrator.records import Action, Direction, Entry, History
from tests.proposers.edits_of_a_night import SOURCE, edits

BASE = {"train.py": "A = 1\nB = 1\nC = 1\n"}


def entry(number: int, value: float | None, text: str = "", *, base: int = 1, kept: bool = False) -> Entry:
    action, status = Action.KEEP if kept else Action.DISCARD, "crashed" if value is None else "scored"
    files = {"train.py": text or f"{BASE['train.py']}N{number} = 1\n"}
    return Entry(number, f"edit {number}", "", "m", action, status, value, "", "c", files, base=base)


BASELINE = replace(entry(1, 2.0, BASE["train.py"], base=0, kept=True))


def night(*entries: Entry, best: Entry = BASELINE, noise: float | None = 0.01) -> History:
    return History(best.files, best.value, (BASELINE, *entries), best_number=best.number, noise=noise)


def test_a_proposers_own_word_is_taken_when_it_is_one_of_the_kinds() -> None:
    assert [kind_named(kind.upper() + " ") for kind in KINDS] == list(KINDS)
    assert kind_named("Regularization") == "regularisation"
    assert kind_named("something else") is None
    assert kind_named("") is None


def test_a_missing_kind_is_guessed_from_the_names_that_changed() -> None:
    told = [
        edit for edit in edits() if edit.kind != "efficiency"
    ]  # what is meant to be faster looks like the rest
    right = [
        kind_guessed(change_between({"train.py": SOURCE}, {"train.py": edit.to(SOURCE)})) == edit.kind
        for edit in told
    ]
    assert sum(right) / len(right) > 0.8
    assert kind_guessed(change_between({"a": "x = 1\n"}, {"a": "x = 2\n"})) == "other"


def test_kinds_are_counted_without_the_baseline_and_the_rarest_come_first() -> None:
    past = night(
        replace(entry(2, 2.1), kind="schedule"),
        replace(entry(3, None), kind="schedule"),
        entry(4, 2.1, "A = 1\nB = 1\nC = 1\nDROPOUT = 0.1\n"),
        entry(5, 2.1),
    )
    counts = kinds_tried(past)
    assert counts == dict.fromkeys(KINDS, 0) | {"schedule": 2, "regularisation": 1, "other": 1}
    assert list(counts) == list(KINDS)
    merged = replace(entry(6, None), kind="schedule", status="not run")
    assert kinds_tried(replace(past, entries=(*past.entries, merged))) == counts, "it counts where it ran"
    assert least_tried(counts) == ("architecture", "optimizer", "data")


def test_a_plateau_counts_what_ran_since_the_last_keep() -> None:
    refused = replace(entry(4, None), status="refused")
    merged = replace(entry(5, None), status="not run")
    assert attempts_since_keep(night(entry(2, 2.1), merged)) == 1
    assert attempts_since_keep(night()) == 0
    assert attempts_since_keep(night(entry(2, 2.1), entry(3, None), refused)) == 2
    assert attempts_since_keep(night(entry(2, 2.1), entry(3, 1.9, kept=True))) == 0
    assert attempts_since_keep(History({}, None)) == 0


@pytest.mark.parametrize("sign", [1, -1])
def test_near_misses_lie_within_the_noise_of_the_best_of_their_time(sign: int) -> None:
    direction = Direction.MINIMIZE if sign == 1 else Direction.MAXIMIZE
    entries = [
        entry(2, 2.009),
        entry(3, 2.02),
        entry(4, 1.9, kept=True),
        entry(5, 2.005),
        entry(6, 1.895),
        entry(7, None),
        replace(entry(8, 1.9), action=Action.HOLD),
    ]
    past = night(*entries)
    turned = tuple(replace(each, value=each.value and sign * each.value) for each in past.entries)
    found = near_misses(replace(past, entries=turned), direction)
    assert [each.number for each in found] == [6, 2]


def test_without_a_measured_noise_nothing_is_a_near_miss() -> None:
    assert near_misses(night(entry(2, 2.0), noise=None)) == ()


def test_two_improvements_of_one_base_are_a_pair_with_their_gains() -> None:
    past = night(entry(2, 1.9), entry(3, 1.95), entry(4, 2.1))
    (pair,) = combinations(past)
    assert (pair.first, pair.second, pair.base) == (2, 3, 1)
    assert pair.first_gain == pytest.approx(0.1)
    assert pair.second_gain == pytest.approx(0.05)


def test_a_pair_may_be_in_the_best_by_half_but_not_whole() -> None:
    kept, other = entry(2, 1.9, kept=True), entry(3, 1.95)
    both = entry(4, 1.8, f"{BASE['train.py']}N2 = 1\nN3 = 1\n", base=2, kept=True)
    assert [(pair.first, pair.second) for pair in combinations(night(kept, other, best=kept))] == [(2, 3)]
    assert combinations(night(kept, other, both, best=both)) == ()


def test_a_pair_that_was_tried_together_is_not_offered_again() -> None:
    first, second = entry(2, 1.9), entry(3, 1.95)
    failed = entry(4, None, f"{BASE['train.py']}N2 = 1\nN3 = 1\n")
    assert combinations(night(first, second)) != ()
    assert combinations(night(first, second, failed)) == ()


def test_two_changes_of_the_same_line_are_no_pair() -> None:
    one, two = (entry(n, 1.9, f"A = {n}\nB = 1\nC = 1\n") for n in (2, 3))
    assert combinations(night(one, two)) == ()


def test_improvements_of_different_bases_are_no_pair() -> None:
    kept = entry(2, 1.9, kept=True)
    assert combinations(night(kept, entry(3, 1.85, base=2), best=kept)) == ()


def test_the_pairs_that_gained_most_come_first_and_only_so_many() -> None:
    past = night(*(entry(n, 2.0 - n / 100) for n in range(2, 9)))
    found = combinations(past, most=2)
    assert [(pair.first, pair.second) for pair in found] == [(7, 8), (6, 8)]


def test_higher_may_be_better() -> None:
    past = night(entry(2, 2.1), entry(3, 2.05), entry(4, 1.9))
    assert [(p.first, p.second) for p in combinations(past, Direction.MAXIMIZE)] == [(2, 3)]
