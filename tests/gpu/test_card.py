"""One card for one container, as the driver and the container itself see it."""

from __future__ import annotations

import pytest

from orchestrator.sandbox.card import WatchedCard
from orchestrator.sandbox.gpu import Gpu
from orchestrator.sandbox.probe import Probe
from tests.gpu.conftest import Bare, Sealed

pytestmark = pytest.mark.gpu
NO_PERMISSION, NOT_SUPPORTED = 4, 3


def test_the_driver_tells_a_state_within_the_limit(gpu: Gpu, probe: Probe) -> None:
    state = probe.look()
    assert state.total_bytes > 0
    assert 0 <= state.used_bytes < state.total_bytes
    assert state.processes == (), "the tests need the card for themselves"
    if gpu.vendor == "nvidia":
        assert state.temperature_celsius is not None
        assert 5 < state.temperature_celsius < 100
        assert state.recovery == ""


@pytest.mark.docker
def test_a_container_sees_exactly_one_card_and_cannot_change_it(gpu: Gpu, sealed: Sealed) -> None:
    seen = sealed.start("looks_around").go()
    assert seen["count"] == 1
    assert not seen["mps"]
    if gpu.vendor == "nvidia":
        assert seen["uuids"] == [gpu.identity.removeprefix("GPU-").removeprefix("MIG-")]
        assert len(seen["nodes"]) == 1
        answers = seen["nvml"]
        assert answers.pop("count") == 1
        assert set(answers.values()) <= {NO_PERMISSION, NOT_SUPPORTED}
        assert answers["lock_clocks"] == NO_PERMISSION


def test_a_warm_program_holds_nothing_of_the_card(place: Sealed | Bare, probe: Probe) -> None:
    before = probe.look()
    program = place.start("waits")
    try:
        warm = probe.look()
    finally:
        program.go()
    assert warm.processes == before.processes
    assert warm.used_bytes - before.used_bytes < 16 << 20


def test_after_a_run_the_memory_is_back_and_its_processes_were_known_as_ours(
    place: Sealed | Bare, card: WatchedCard, probe: Probe
) -> None:
    program = place.start("fills", "cuda", str(1 << 20))
    card.before_run(program.identity)
    filled = program.go()
    facts = card.after_run()
    assert filled["written"]
    assert filled["filled_mib"] > 0.5 * (probe.look().total_bytes >> 20)
    assert facts["used_mib"]["after"] <= facts["used_mib"]["before"] + 256
    assert facts["xids"] == []
