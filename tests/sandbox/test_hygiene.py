"""What speaks against a card, read from what was seen of it."""

from __future__ import annotations

import json

import pytest

from orchestrator.sandbox.hygiene import (
    CANDIDATE_XIDS,
    HARDWARE_XIDS,
    MIB,
    CardState,
    Process,
    clock_reasons,
    judge,
    obstacles,
    strangers,
    xids_in,
)

IDLE = 4 * MIB
OURS = "0::/system.slice/docker-aaaa.scope"
THEIRS = "0::/user.slice/session-3.scope"


def state(used_mib: int = 4, **seen: object) -> CardState:
    return CardState(used_bytes=used_mib * MIB, total_bytes=81_559 * MIB, **seen)  # type: ignore[arg-type]


def verdict(after: CardState, seconds: float = 300.0) -> list[str]:
    return judge(IDLE, after, ours=("aaaa",), run_seconds=seconds)


@pytest.mark.parametrize(
    ("seen", "reasons"),
    [
        (state(), []),
        (state(clock_reasons=("idle", "application clocks", "software power cap")), []),
        (state(clock_reasons=("hardware thermal slowdown",)), ["throttled: hardware thermal slowdown"]),
        (state(processes=(Process(4711, 512 * MIB),)), ["still 512 MiB in use by process 4711"]),
        (state(700), ["still 700 MiB in use by no process that the driver names, 4 when idle"]),
        (state(xids=(79,)), ["Xid 79: the card fell off the bus"]),
        (state(xids=(13, 31, 43, 45, 999)), []),
        (state(rows_pending=True), ["rows of its memory wait to be replaced by a reset"]),
        (state(recovery="a reset of the card"), ["the driver asks for: a reset of the card"]),
    ],
)
def test_each_thing_against_a_card_is_one_plain_reason(seen: CardState, reasons: list[str]) -> None:
    assert obstacles(seen, IDLE) == reasons


def test_a_little_more_memory_than_before_is_the_drivers_own_and_a_context_is_not() -> None:
    assert obstacles(state(4 + 256), IDLE) == []
    assert obstacles(state(4 + 257), IDLE) != []


def test_before_anything_ran_only_much_memory_that_nobody_holds_is_suspicious() -> None:
    assert obstacles(state(2_000), None) == [], "a screen may be attached"
    assert obstacles(state(60_000), None) == ["still 60000 MiB in use by no process that the driver names"]


def test_a_card_that_does_not_count_its_memory_is_judged_by_its_processes() -> None:
    assert obstacles(CardState(), None) == []
    assert obstacles(CardState(processes=(Process(7),)), None) == ["still 0 MiB in use by process 7"]


def test_a_run_on_a_quiet_card_is_scored() -> None:
    after = state(visitors=(Process(1, 60_000 * MIB, OURS),), slowed_seconds={"power brake": 0.9})
    assert verdict(after) == []


def test_what_the_candidate_did_to_itself_excuses_nothing() -> None:
    assert verdict(state(xids=(*CANDIDATE_XIDS, 12345))) == []


@pytest.mark.parametrize("xid", HARDWARE_XIDS)
def test_every_hardware_fault_makes_the_run_worthless(xid: int) -> None:
    assert verdict(state(xids=(31, xid, xid))) == [f"Xid {xid}: {HARDWARE_XIDS[xid]}"]


def test_no_xid_is_both_the_candidates_and_the_hardwares() -> None:
    assert not CANDIDATE_XIDS.keys() & HARDWARE_XIDS.keys()


@pytest.mark.parametrize(
    ("slowed", "seconds", "scored"),
    [(2.9, 300.0, True), (3.1, 300.0, False), (0.9, 20.0, True), (1.1, 20.0, False)],
)
def test_a_slow_down_counts_from_a_hundredth_of_the_run_or_one_second(
    slowed: float, seconds: float, scored: bool
) -> None:
    reasons = verdict(state(slowed_seconds={"software thermal slowdown": slowed}), seconds)
    assert reasons == ([] if scored else [reasons[0]])
    assert scored or reasons[0].startswith("throttled: software thermal slowdown for ")


def test_a_program_that_came_and_went_is_named_and_one_that_nobody_could_place_is_not() -> None:
    after = state(visitors=(Process(1, 0, OURS), Process(2, 0, THEIRS), Process(3, 0, "")))
    assert verdict(after) == ["process 2 of another program was there"]
    assert strangers(after.visitors, ("aaaa",)) == [after.visitors[1]]


def test_clock_reasons_are_words_and_an_unknown_bit_is_said_to_be_one() -> None:
    assert clock_reasons(0) == ()
    assert clock_reasons(0x1 | 0x4) == ("idle", "software power cap")
    assert clock_reasons(0x48) == ("hardware slowdown", "hardware thermal slowdown")
    assert clock_reasons(0x2080) == ("power brake", "unknown reason 0x2000")


def test_looks_add_up_to_what_happened_since_the_first() -> None:
    first = state(60_000, xids=(13,), slowed_seconds={"power brake": 2.0}, visitors=(Process(1),))
    second = state(4, xids=(79,), slowed_seconds={"power brake": 1.0}, visitors=(Process(2), Process(1)))
    both = second.since(first)
    assert (both.used_bytes, both.xids) == (IDLE, (13, 79))
    assert both.slowed_seconds == {"power brake": 3.0}
    assert sorted(each.pid for each in both.visitors) == [1, 2]


def test_a_state_comes_through_json_as_it_was() -> None:
    whole = state(
        7, processes=(Process(1, 2, "c"),), visitors=(Process(3),), xids=(13,), clock_reasons=("idle",),
        slowed_seconds={"power brake": 1.5}, rows_pending=True, recovery="x", temperature_celsius=41,
    )  # fmt: skip
    assert CardState.from_json(json.loads(json.dumps(whole.to_json()))) == whole


def test_xids_are_read_from_the_kernels_own_lines_about_this_card_alone() -> None:
    records = [
        "4,1201,88213,-;NVRM: Xid (PCI:0000:3B:00): 31, pid=4711, name=python3, Ch 00000008",
        "3,1202,88214,-;NVRM: Xid (PCI:0000:3b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off",
        "3,1203,88215,-;NVRM: Xid (PCI:0000:86:00): 48, another card",
        "6,1204,88216,-;audit: comm='NVRM: Xid (PCI:0000:3b:00): 79, '",
        " SUBSYSTEM=pci",
        "",
    ]
    assert xids_in(records, "0000:3b:00") == [31, 79]
