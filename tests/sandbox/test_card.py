"""Between two runs: when a card is waited for, when a run is refused, and what is written down."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable

import pytest

from orchestrator.errors import SandboxError
from orchestrator.sandbox.card import CardWatch, NoCard, WatchedCard, watch_card
from orchestrator.sandbox.gpu import NO_GPU
from orchestrator.sandbox.hygiene import MIB, CardState, Process

IDLE = CardState(used_bytes=4 * MIB, total_bytes=81_559 * MIB, temperature_celsius=35, clock_mhz=1980)
HELD = CardState(4 * MIB, 81_559 * MIB, processes=(Process(4711, 512 * MIB),))
HOT = CardState(4 * MIB, 81_559 * MIB, clock_reasons=("hardware thermal slowdown",))
LEFT = CardState(700 * MIB, 81_559 * MIB)


class ScriptedLooks:
    """Answers with given states in order, the last one for ever."""

    def __init__(self, states: Iterable[CardState]) -> None:
        self._states = list(states)
        self.closed = False

    def look(self) -> CardState:
        return self._states.pop(0) if len(self._states) > 1 else self._states[0]

    def close(self) -> None:
        self.closed = True


def card(*states: CardState, settle_seconds: float = 0.0) -> WatchedCard:
    return WatchedCard("GPU-aaaa", ScriptedLooks(states), settle_seconds)


def after(state: CardState) -> WatchedCard:
    """A card on which a run of the container `aaaa` has just ended, and this is how it looks."""
    watched = card(IDLE, state)
    watched.before_run("aaaa")
    return watched


@pytest.mark.parametrize("first", [HELD, HOT])
def test_a_card_that_becomes_free_and_cool_in_time_is_used(first: CardState) -> None:
    began = time.monotonic()
    card(first, first, IDLE, settle_seconds=30.0).before_run("aaaa")
    assert 0.4 < time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("state", "said", "cure"),
    [
        (HELD, "still 512 MiB in use by process 4711", "ps -p 4711"),
        (HOT, "throttled: hardware thermal slowdown", "cooling"),
        (CardState(xids=(79,)), "Xid 79: the card fell off the bus", "--gpu-reset -i GPU-aaaa"),
        (CardState(recovery="a reset of the card"), "a reset of the card", "--gpu-reset -i GPU-aaaa"),
    ],
)
def test_nothing_starts_on_a_card_that_stays_dirty_and_the_remedy_says_what_to_do(
    state: CardState, said: str, cure: str
) -> None:
    with pytest.raises(SandboxError, match="GPU-aaaa is not clean") as error:
        card(state).before_run("aaaa")
    assert said in error.value.message
    assert cure in error.value.remedy


def test_a_card_that_is_ill_is_not_waited_for() -> None:
    began = time.monotonic()
    with pytest.raises(SandboxError):
        card(CardState(xids=(79,), processes=(Process(1),)), settle_seconds=60.0).before_run("aaaa")
    assert time.monotonic() - began < 10


def test_memory_that_does_not_come_back_puts_the_card_into_quarantine_until_it_does() -> None:
    watched = card(IDLE, LEFT, LEFT, IDLE)
    watched.before_run("aaaa")
    with pytest.raises(SandboxError, match="GPU-aaaa is in quarantine: still 700 MiB") as error:
        watched.after_run()
    assert "GPU-aaaa" in error.value.remedy
    with pytest.raises(SandboxError, match="is not clean: still 700 MiB"):
        watched.before_run("bbbb")
    watched.before_run("bbbb")


def test_memory_that_takes_a_moment_to_come_back_is_no_fault() -> None:
    watched = card(IDLE, LEFT, LEFT, IDLE, settle_seconds=30.0)
    watched.before_run("aaaa")
    assert watched.after_run()["used_mib"] == {"before": 4, "after": 4}


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (CardState(slowed_seconds={"power brake": 9.0}), "not scored: throttled: power brake"),
        (CardState(xids=(13, 94)), "not scored: Xid 94: a contained memory error"),
        (CardState(visitors=(Process(9, 0, "/user.slice"),)), "not scored: process 9 of another program"),
    ],
)
def test_a_run_on_a_card_that_was_not_itself_is_refused_and_repeated(state: CardState, said: str) -> None:
    with pytest.raises(SandboxError, match=said):
        after(state).after_run()


def test_the_candidates_own_faults_are_written_down_and_the_run_stands() -> None:
    ours = Process(7, 60_000 * MIB, "0::/docker/aaaa")
    facts = after(CardState(4 * MIB, xids=(31, 999), visitors=(ours,), temperature_celsius=71)).after_run()
    assert facts["xids"] == ["31: a memory page fault", "999: not in our tables, and no excuse"]
    assert facts["celsius"] == {"before": 35, "after": 71}
    assert facts["card"] == "GPU-aaaa"
    assert json.loads(json.dumps(facts)) == facts


def test_what_happened_before_a_run_is_not_held_against_it() -> None:
    watched = card(CardState(slowed_seconds={"power brake": 99.0}, xids=(31,)), IDLE)
    watched.before_run("aaaa")
    assert watched.after_run()["xids"] == []


def test_what_was_noticed_while_memory_came_back_counts_too() -> None:
    watched = card(IDLE, CardState(700 * MIB, xids=(31,)), IDLE, settle_seconds=30.0)
    watched.before_run("aaaa")
    assert watched.after_run()["xids"] == ["31: a memory page fault"]


def test_without_a_card_there_is_nothing_to_watch() -> None:
    watch: CardWatch = watch_card(NO_GPU)
    assert isinstance(watch, NoCard)
    watch.before_run("aaaa")
    assert watch.after_run() == {}
    watch.close()


def test_closing_a_watch_ends_its_probe() -> None:
    looks = ScriptedLooks([IDLE])
    WatchedCard("GPU-aaaa", looks).close()
    assert looks.closed
