"""Within its budget the prompt keeps what matters most, says what is missing, and is soon built."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.breadth import near_misses
from orchestrator.policy import EditPolicy, ModelPolicy
from orchestrator.proposers.prompt import CUT_FIRST, PromptBuilder
from orchestrator.proposers.table import BLOCK, POOL, RECENT
from orchestrator.proposers.tokens import count_tokens
from orchestrator.records import Action, History, Underway

from .edits_of_a_night import SOURCE, night

AGENDA = (Path(__file__).parents[2] / "train_template" / "program.md").read_text(encoding="utf-8")
UNDERWAY = (Underway(900, "wider", "more room", {"train.py": SOURCE}),)
LESSONS = "Wider is worse at this budget.\n" * 20


def builder(tokens: int) -> PromptBuilder:
    return PromptBuilder(
        agenda=AGENDA,
        edit=EditPolicy(),
        entry_file="train.py",
        entry_points={"main": 0, "build_model": 1},
        model=ModelPolicy(prompt_tokens=tokens),
    )


def long_night(count: int = 300) -> History:
    return replace(night(count), underway=UNDERWAY)


def rows_shown(text: str) -> set[int]:
    table = text.split("BEGIN RESULTS")[1].split("END RESULTS", maxsplit=1)[0]
    rows = [line for line in table.splitlines() if line[:1].isdigit()]
    return {int(row.split(" | ")[0]) for row in rows}


@pytest.mark.parametrize("tokens", [8000, 12_000, 16_000, 60_000])
def test_a_prompt_never_has_more_tokens_than_its_budget(tokens: int) -> None:
    prompt = builder(tokens).build(long_night(), LESSONS)
    assert sum(count_tokens(message.content) for message in prompt.messages) <= prompt.tokens <= tokens


def test_a_night_of_a_hundred_fits_whole_into_the_default_budget() -> None:
    prompt = builder(60_000).build(replace(night(100), underway=UNDERWAY), LESSONS)
    assert (prompt.cut, prompt.rows_left_out) == ((), 0)
    assert "Left out" not in prompt.messages[1].content


def test_baseline_keeps_near_misses_and_the_newest_stay_when_older_rows_go() -> None:
    past = long_night()
    prompt = builder(9000).build(past, LESSONS)
    always = {1} | {entry.number for entry in past.entries if entry.action is Action.KEEP}
    always |= {entry.number for entry in near_misses(past)[:POOL]}
    always |= {entry.number for entry in past.entries[-RECENT:]}
    shown = rows_shown(prompt.messages[1].content)
    assert always <= shown
    assert len(shown) == 300 - prompt.rows_left_out < 300
    assert f"; {prompt.rows_left_out} of 300 rows are not shown." in prompt.messages[1].content


def test_parts_go_in_the_documented_order_as_the_budget_shrinks() -> None:
    past = long_night()
    cuts = [builder(tokens).build(past, LESSONS).cut for tokens in range(40_000, 5_800, -400)]
    for cut in cuts:
        assert list(cut) == [name for name in CUT_FIRST if name in cut]
    first_seen = {name: next((n for n, cut in enumerate(cuts) if name in cut), None) for name in CUT_FIRST}
    order = [place for place in first_seen.values() if place is not None]
    assert order == sorted(order)
    assert len(order) == len(CUT_FIRST)


def test_rows_go_in_whole_blocks_so_that_the_beginning_stays_the_same_for_a_while() -> None:
    past = long_night()
    shared, shown = builder(14_000), []
    for count in range(260, 300):
        user = shared.build(replace(past, entries=past.entries[:count])).messages[1].content
        always = {e.number for e in past.entries if e.action is Action.KEEP} | {
            e.number for e in near_misses(past)
        }
        shown.append(min(rows_shown(user) - always))
    assert len(set(shown)) <= 2 + 40 // BLOCK


@pytest.mark.parametrize("tokens", [16_000, 60_000])
def test_with_10_000_attempts_a_prompt_is_built_in_less_than_300_milliseconds(tokens: int) -> None:
    past = replace(night(10_000), underway=UNDERWAY)
    shared = builder(tokens)
    shared.build(night(10))  # the encoding is read once
    took = []
    for _ in range(3):
        started = time.thread_time()
        prompt = shared.build(past, LESSONS)
        took.append(time.thread_time() - started)
    assert prompt.rows_left_out > 5000
    assert min(took) < 0.3
