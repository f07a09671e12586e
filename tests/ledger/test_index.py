"""The index beside the log only saves time: deleted, torn, changed or foreign, it alters nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger.audit import Reading, read_lines
from orchestrator.ledger.git import GitLedger
from orchestrator.ledger.index import NAME, Seal, read_index, summary_of
from orchestrator.ledger.reading import read_run
from orchestrator.ledger.standing import read_standing
from orchestrator.ledger.verification import verify_run
from tests.ledger.ledger_parts import DISCARD, ORIGIN, proposal, run_night, scored, settle


def seen(folder: Path) -> tuple[Any, ...]:
    with GitLedger(folder, ORIGIN) as ledger:
        return ledger.history(), ledger.evidence(), read_run(folder).entries


def all_lines(folder: Path) -> int:
    return (folder / "audit.jsonl").read_bytes().count(b"\n")


def test_the_index_holds_a_summary_of_every_event_and_the_audit_agrees(night: Path) -> None:
    summaries = read_index(night)
    lines = list(read_lines(night / "audit.jsonl", Reading()))
    assert list(summaries.events) == [summary_of(line.event) for line in lines]
    assert summaries.ends[-1] == (night / "audit.jsonl").stat().st_size
    assert verify_run(night) == []


DEEDS: dict[str, Callable[[Path, Path], object]] = {
    "deleted": lambda index, _: Path.unlink(index),
    "emptied": lambda index, _: index.write_bytes(b""),
    "torn": lambda index, _: index.write_bytes(index.read_bytes()[:-30]),
    "cut short by two lines": lambda index, _: index.write_bytes(
        b"".join(index.read_bytes().splitlines(keepends=True)[:-2])
    ),
    "a value changed": lambda index, _: index.write_bytes(index.read_bytes().replace(b"2.5", b"0.5")),
    "a title changed": lambda index, _: index.write_bytes(index.read_bytes().replace(b"depth 2", b"depth 9")),
    "the last line twice": lambda index, _: index.write_bytes(
        index.read_bytes() + index.read_bytes().splitlines(keepends=True)[-1]
    ),
    "not JSON": lambda index, _: index.write_bytes(b"\xff\x00\n" * 9),
    "deep": lambda index, _: index.write_bytes(b"[" * 9999 + b"\n"),
    "huge": lambda index, _: os.truncate(index, 1 << 40),
    "that of another run": lambda index, other: shutil.copy(other / NAME, index),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_whatever_became_of_the_index_the_run_is_the_same(night: Path, tmp_path: Path, deed: str) -> None:
    run_night(tmp_path / "other")
    expected = seen(night)
    DEEDS[deed](night / NAME, tmp_path / "other")
    assert read_run(night).entries == expected[2], "looked at from outside"
    assert verify_run(night) == []
    assert seen(night) == expected
    assert len(read_index(night).events) == all_lines(night), "and it is whole again"


PLACES: dict[str, Callable[[Path], object]] = {
    "a link": lambda index: index.symlink_to(index.with_name("policy.yaml")),
    "a folder": Path.mkdir,
    "a pipe": os.mkfifo,
}


@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_file_in_its_place_is_neither_read_nor_written(night: Path, place: str) -> None:
    (night / "policy.yaml").write_text("mine\n")
    expected = seen(night)
    (night / NAME).unlink()
    PLACES[place](night / NAME)
    assert seen(night) == expected
    assert (night / "policy.yaml").read_text() == "mine\n"
    assert verify_run(night) == []


def forge(folder: Path, old: bytes, new: bytes) -> None:
    """An index whose seals fit the log as it is, and which says something else."""
    seal, data = Seal(), b""
    for line in read_lines(folder / "audit.jsonl", Reading(), curves=False):
        summary = summary_of(line.event)
        if summary.get("title", "").encode() == old:
            summary["title"] = new.decode()
        data += seal.line_of(line, summary)
    (folder / NAME).write_bytes(data)


def test_a_forged_index_with_a_fitting_seal_is_found_by_the_audit_which_never_uses_it(night: Path) -> None:
    forge(night, b"depth 2", b"depth 2")
    assert verify_run(night) == []
    forge(night, b"depth 2", b"another")
    assert read_run(night).entries[0].title == "another", "the control: it is what a look rests on"
    assert [str(finding) for finding in verify_run(night)] == [
        "audit.index line 2: says something else than line 2 of audit.jsonl"
    ]


def test_a_log_changed_behind_its_index_is_refused_with_its_line(night: Path) -> None:
    log = night / "audit.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"value":2.5', b'"value":0.5'))
    with pytest.raises(LedgerError, match=r"audit\.jsonl line 6: was changed"):
        read_standing(night)


def test_a_process_that_writes_the_run_does_not_disturb_one_that_looks(tmp_path: Path) -> None:
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        for number in range(1, 4):
            settle(ledger, scored(ledger.open(proposal(number)), 2.0), DISCARD)
            assert [entry.number for entry in read_run(tmp_path / "night").entries] == [*range(1, number + 1)]
            assert len(read_index(tmp_path / "night").events) == all_lines(tmp_path / "night")


def test_many_refs_become_one_file_and_the_run_goes_on(tmp_path: Path) -> None:
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        settle(ledger, scored(ledger.open(proposal(1)), 2.0), DISCARD)
        ledger._repo.pack_refs(0)  # as with many
        assert not (tmp_path / "night/repo.git/refs/attempts/0001").exists()
        settle(ledger, scored(ledger.open(proposal(2)), 2.0), DISCARD)
    assert verify_run(tmp_path / "night") == []
    assert len(seen(tmp_path / "night")[2]) == 2
