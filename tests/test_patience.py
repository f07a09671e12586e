"""Faults of ours: repeated, recorded, raised when there are too many, and never swallowed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator.errors import LedgerError, SandboxError, ScorerError, SetupError, StuckContainer
from orchestrator.patience import Patience
from orchestrator.testing import MemoryLedger


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger({})


def raising(*faults: Exception) -> Iterator[Exception]:
    return iter(faults)


def work(faults: Iterator[Exception], *, answer: int) -> int:
    """Raises each fault once, then answers."""
    for fault in faults:
        raise fault
    return answer


def test_work_without_faults_is_done_once_and_nothing_is_recorded(ledger: MemoryLedger) -> None:
    assert Patience(3, ledger.record).insist(work, raising(), answer=7) == 7
    assert ledger.events == []


def test_each_fault_is_recorded_with_its_kind_and_the_work_repeated(ledger: MemoryLedger) -> None:
    faults = raising(SandboxError("no engine", remedy="start it"), ScorerError("short frame"))
    assert Patience(3, ledger.record, wait_seconds=0.0).insist(work, faults, answer=7) == 7
    assert [fields for _, fields in ledger.events] == [
        {"fault": 1, "kind": "SandboxError", "message": "no engine — start it"},
        {"fault": 2, "kind": "ScorerError", "message": "short frame"},
    ]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_the_last_fault_of_too_many_is_raised(ledger: MemoryLedger, limit: int) -> None:
    faults = raising(*(SandboxError(f"fault {n}") for n in range(1, 9)))
    with pytest.raises(SandboxError, match=f"fault {limit}"):
        Patience(limit, ledger.record, wait_seconds=0.0).insist(work, faults, answer=7)
    assert len(ledger.events) == limit - 1


def test_faults_are_counted_anew_for_each_piece_of_work(ledger: MemoryLedger) -> None:
    patience = Patience(2, ledger.record, wait_seconds=0.0)
    for _ in range(4):
        assert patience.insist(work, raising(SandboxError("once")), answer=1) == 1


def test_a_container_that_cannot_be_ended_is_recorded_and_nothing_is_repeated(ledger: MemoryLedger) -> None:
    faults = raising(StuckContainer("ALARM", container="f" * 64, device="GPU-1"))
    with pytest.raises(StuckContainer, match="ALARM"):
        Patience(3, ledger.record, wait_seconds=0.0).insist(work, faults, answer=7)
    told = [(name, fields) for name, fields in ledger.events]
    assert told == [("device_quarantined", {"device": "GPU-1", "container": "f" * 64})]


OTHERS = [LedgerError("torn"), SetupError("no data"), KeyboardInterrupt(), ValueError()]


@pytest.mark.parametrize("error", OTHERS)
def test_nothing_else_is_repeated(ledger: MemoryLedger, error: Exception) -> None:
    with pytest.raises(type(error)):
        Patience(3, ledger.record, wait_seconds=0.0).insist(work, raising(error), answer=7)
    assert ledger.events == []


def test_an_interrupt_is_not_taken_for_the_fault_that_came_of_cleaning_up_after_it() -> None:
    def work() -> None:
        try:
            raise KeyboardInterrupt
        finally:
            raise SandboxError("the volume is in use")

    faults: list[dict[str, object]] = []
    with pytest.raises(KeyboardInterrupt):
        Patience(3, lambda _, **fields: faults.append(fields), wait_seconds=0.0).insist(work)
    assert faults == []
