"""The answer that a morning begins with, and what it says a person must look at."""

from __future__ import annotations

import dataclasses

import pytest

from orchestrator.records import Action, Measure, Usage
from orchestrator.story import Chain, Story
from orchestrator.views.answer import answer, duration, needs
from tests.views.stories import attempt, happening, small_night, story


def test_the_answer_says_how_much_better_how_sure_and_at_what_price() -> None:
    assert answer(small_night()) == (
        "The best is 1.800000 bits per byte, 0.200000 (10.00%) below the baseline's 2.000000, ± 0.023094 "
        "(standard error, from 1 and 3 runs). 2 of 6 changes were kept; 40 min 09 s of training in "
        "1 h 00 min, 7,700 tokens, $3.50."
    )


def test_without_repeats_the_answer_says_that_luck_is_not_known() -> None:
    told = answer(small_night(noise=None))
    assert "how much of that is luck is not known" in told
    assert "±" not in told


def test_a_night_that_found_nothing_says_so() -> None:
    told = answer(story(attempt(1, 2.0, action=Action.KEEP), attempt(2, 2.1)))
    assert told.startswith("Nothing beat the baseline of 2.000000 bits per byte (± 0.001000). 0 of 1 changes")


def test_a_night_without_a_score_says_so() -> None:
    assert answer(story(attempt(1, None))).startswith("There is no score yet. 0 of 1 changes were kept")
    assert answer(story()).startswith("There is no score yet. 0 of 0 changes")


def test_what_candidates_say_of_themselves_is_called_so() -> None:
    attempts = [dataclasses.replace(each, runs=_unverified(each.runs)) for each in small_night().attempts]
    told = answer(small_night(attempts=tuple(attempts), measure=Measure(source="result_file")))
    assert told.startswith("The best is 1.800000 bits per byte (self-reported), 0.2")


def _unverified(runs: tuple) -> tuple:  # type: ignore[type-arg]
    return tuple(dataclasses.replace(run, verified=False) for run in runs)


def test_a_price_that_is_not_known_is_not_told_as_nothing() -> None:
    attempts = [dataclasses.replace(each, usage=Usage(1, 10, 10)) for each in small_night().attempts]
    assert "$" not in answer(small_night(attempts=tuple(attempts)))


NEEDS = {
    "attempt 0006 is held": small_night(),
    "the record is broken: line 7: was changed": small_night(chain=Chain(6, "a" * 64, "line 7: was changed")),
    "a device is in quarantine": small_night(happenings=(happening("device_quarantined", device="cpu"),)),
    "an edited policy was refused, and the one before stayed in force (2 times)": small_night(
        happenings=(happening("policy_refused"), happening("policy_refused"))
    ),
    "the model was out of reach and did not come back": small_night(
        happenings=(happening("model_went_away"), happening("model_came_back"), happening("model_went_away"))
    ),
    "the last start did not end by itself": small_night(
        sittings=(dataclasses.replace(small_night().sittings[0], reason=""),)
    ),
}


@pytest.mark.parametrize("sentence", NEEDS)
def test_what_needs_a_person_is_said(sentence: str) -> None:
    assert any(said.startswith(sentence) for said in needs(NEEDS[sentence]))


def test_nothing_needs_a_person_after_a_plain_night() -> None:
    plain = story(attempt(1, 2.0, action=Action.KEEP), attempt(2, 2.1))
    came_back = (happening("model_went_away"), happening("model_came_back"), happening("fault_occurred"))
    assert needs(plain) == ()
    assert needs(dataclasses.replace(plain, happenings=came_back)) == ()


def test_many_held_attempts_are_one_sentence() -> None:
    held: Story = story(*(attempt(number, 1.0, action=Action.HOLD) for number in range(1, 9)))
    assert needs(held)[0].startswith("attempts 0001, 0002, 0003, 0004, 0005 and 3 more are held")


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.0, "0.0 s"), (59.9, "59.9 s"), (250.0, "4 min 10 s"), (28_920.0, "8 h 02 min")]
)
def test_a_duration_is_told_in_its_own_size(seconds: float, told: str) -> None:
    assert duration(seconds) == told
