from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger.audit import AuditLog, verify
from orchestrator.ledger.git import GitLedger
from orchestrator.ledger.verification import verify_run
from tests.ledger.ledger_parts import DISCARD, KEEP, ORIGIN, proposal, run_night, scored, settle


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one MiB; a test that is not run by root can only limit the size of files."""
    if os.geteuid() != 0:
        yield tmp_path
        return
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


class Filler:
    """Takes the space of a disk, down to a few bytes left, and gives it back."""

    def __init__(self, disk: Path) -> None:
        self._path = disk / "filler"
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self, left: int) -> None:
        if os.geteuid() != 0:
            resource.setrlimit(resource.RLIMIT_FSIZE, (max(left, 1), self._limits[1]))
            return
        free = os.statvfs(self._path.parent).f_bavail * os.statvfs(self._path.parent).f_bsize
        self._path.write_bytes(b"x" * max(free - left, 0))

    def release(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)
        self._path.unlink(missing_ok=True)


def discard_until_it_fails(ledger: GitLedger) -> None:
    for _ in range(100):
        settle(ledger, scored(ledger.open(proposal(2)), 3.0, log="step\n" * 999), DISCARD)


@pytest.mark.parametrize("left_kib", [0, 4, 8, 12, 16, 24, 32])
def test_a_full_disk_stops_the_run_with_a_remedy_and_nothing_half_moved(
    small_disk: Path, left_kib: int
) -> None:
    folder, filler = small_disk / "night", Filler(small_disk)
    ledger = GitLedger(folder, ORIGIN)
    settle(ledger, scored(ledger.open(proposal(1)), 2.0), KEEP)
    filler.fill(left_kib * 1024)
    with pytest.raises(LedgerError) as caught:
        discard_until_it_fails(ledger)
    filler.release()
    assert "free space" in str(caught.value)
    ledger.release()
    assert ledger.evidence().best_number == 1
    with GitLedger(folder, ORIGIN) as again:
        assert again.evidence().best_number == 1
        attempt = again.recover() or again.open(proposal(2))
        settle(again, scored(attempt, 1.0), KEEP)
    assert verify_run(folder) == []


def test_a_disk_that_is_full_from_the_start_leaves_nothing_that_stands_in_the_way(small_disk: Path) -> None:
    filler = Filler(small_disk)
    filler.fill(16 * 1024)
    with pytest.raises(LedgerError, match="free space"):
        GitLedger(small_disk / "night", ORIGIN)
    filler.release()
    run_night(small_disk / "night")
    assert verify_run(small_disk / "night") == []


def test_a_line_that_does_not_fit_is_taken_back(small_disk: Path) -> None:
    filler, log = Filler(small_disk), AuditLog(small_disk / "audit.jsonl")
    log.append("thing_happened")
    before = (small_disk / "audit.jsonl").read_bytes()
    filler.fill(8 * 1024)
    with pytest.raises(LedgerError, match=r"audit\.jsonl cannot be written: .*free space"):
        log.append("thing_happened", text="x" * 100_000)
    assert (small_disk / "audit.jsonl").read_bytes() == before
    filler.release()
    log.append("went_on")
    log.close()
    assert verify(small_disk / "audit.jsonl").events == 2
