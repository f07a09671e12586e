"""Candidates cannot read each other's memory: what one wrote, the next does not find."""

from __future__ import annotations

import pytest

from orchestrator.sandbox.card import WatchedCard
from orchestrator.sandbox.probe import Probe
from tests.gpu.conftest import Bare, Sealed

pytestmark = pytest.mark.gpu
ALL_OF_IT = str(1 << 20)


def test_what_one_program_left_in_the_cards_memory_is_not_there_for_the_next(
    place: Sealed | Bare, card: WatchedCard, probe: Probe
) -> None:
    first = place.start("fills", "cuda", ALL_OF_IT)
    card.before_run(first.identity)
    filled = first.go()
    card.after_run()
    second = place.start("searches", "cuda", ALL_OF_IT)
    card.before_run(second.identity)
    searched = second.go()
    card.after_run()
    assert filled["written"]
    assert filled["filled_mib"] > 0.5 * (probe.look().total_bytes >> 20)
    assert searched["searched_mib"] >= 0.9 * filled["filled_mib"], "most of it was looked at again"
    assert searched["control"]["found"] > 0, "in one process the search finds what was there before"
    assert searched["found"] == 0
