from __future__ import annotations

import hashlib
import json
import signal
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger.audit import GENESIS, AuditLog, verify


def log_of(path: Path, events: int) -> list[bytes]:
    log = AuditLog(path)
    for number in range(events):
        log.append("thing_happened", number=number, text="é\n\x1b\ud800")
    log.close()
    return path.read_bytes().splitlines(keepends=True)


def test_each_record_holds_the_hash_of_the_one_before(tmp_path: Path) -> None:
    records = [json.loads(line) for line in log_of(tmp_path / "audit.jsonl", 3)]
    assert [record["prev"] for record in records] == [GENESIS, records[0]["hash"], records[1]["hash"]]
    assert [record["seq"] for record in records] == [1, 2, 3]


def test_lines_are_ascii_whatever_the_text(tmp_path: Path) -> None:
    assert all(line.isascii() and b"\x1b" not in line for line in log_of(tmp_path / "audit.jsonl", 2))


def test_a_log_torn_at_any_byte_of_its_last_line_loads_what_is_before_it(tmp_path: Path) -> None:
    path, aside = tmp_path / "audit.jsonl", tmp_path / "audit.torn-1"
    lines = log_of(path, 3)
    whole, last = b"".join(lines[:2]), lines[2]
    for kept in range(1, len(last)):
        path.write_bytes(whole + last[:kept])
        log = AuditLog(path)
        log.close()
        assert (log.count, log.torn_bytes, path.read_bytes()) == (2, kept, whole)
        assert aside.read_bytes() == last[:kept]
        aside.unlink()


def test_a_log_goes_on_after_its_torn_line_and_keeps_every_torn_line_aside(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    log_of(path, 2)
    for torn in (b"{", b'{"event"'):
        path.write_bytes(path.read_bytes() + torn)
        log = AuditLog(path)
        log.append("went_on")
        log.close()
    assert verify(path).events == 4
    assert [file.read_bytes() for file in sorted(tmp_path.glob("audit.torn-*"))] == [b"{", b'{"event"']


def test_any_changed_byte_is_found_at_its_line_and_nothing_is_touched(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    lines = log_of(path, 3)
    whole = b"".join(lines)
    for place in range(len(lines[0]), len(lines[0]) + len(lines[1]) - 1):
        damaged = bytearray(whole)
        damaged[place] = ord("x") if damaged[place] != ord("x") else ord("y")
        path.write_bytes(damaged)
        with pytest.raises(LedgerError, match=r"audit\.jsonl line 2: "):
            AuditLog(path)
        assert path.read_bytes() == damaged


DAMAGES = {
    "a line left out": lambda lines: [lines[0], lines[2]],
    "two lines swapped": lambda lines: [lines[0], lines[2], lines[1]],
    "a line twice": lambda lines: [lines[0], lines[1], lines[1], lines[2]],
    "an empty line": lambda lines: [lines[0], b"\n", *lines[1:]],
    "spaces after a comma": lambda lines: [lines[0], lines[1].replace(b",", b", "), lines[2]],
    "a key twice": lambda lines: [lines[0], b'{"seq":2,' + lines[1][1:], lines[2]],
    "a list": lambda lines: [lines[0], b"[]\n", lines[2]],
    "not text": lambda lines: [lines[0], b"\xff\xfe\n", lines[2]],
    "deep nesting": lambda lines: [lines[0], b"[" * 100_000 + b"\n", lines[2]],
    "a huge integer": lambda lines: [lines[0], b"9" * 10_000 + b"\n", lines[2]],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_before_the_last_line_is_refused_with_its_line(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join(DAMAGES[damage](log_of(path, 3))))
    with pytest.raises(LedgerError, match=r"audit\.jsonl line [23]: "):
        verify(path)


def repr_of(value: object) -> str:
    return type(value).__name__


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), object(), {2: 0, 10: 0}, 10**5000], ids=repr_of
)
def test_what_is_not_plain_json_is_refused_and_not_written(tmp_path: Path, value: Any) -> None:
    log = AuditLog(tmp_path / "audit.jsonl")
    with pytest.raises(ValueError, match="plain finite JSON"):
        log.append("thing_happened", value=value)
    assert (tmp_path / "audit.jsonl").read_bytes() == b""
    log.close()


def test_a_field_cannot_take_the_place_of_a_reserved_one(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.jsonl")
    with pytest.raises(ValueError, match="reserved field: hash"):
        log.append("thing_happened", hash="0" * 64)
    log.close()


def test_a_clock_that_jumps_backwards_is_no_damage(tmp_path: Path) -> None:
    times = iter(datetime(2026, 1, 1, tzinfo=UTC) - timedelta(hours=hour) for hour in range(3))
    log = AuditLog(tmp_path / "audit.jsonl", clock=lambda: next(times))
    for _ in range(3):
        log.append("thing_happened")
    log.close()
    assert verify(tmp_path / "audit.jsonl").events == 3


def test_a_hundred_thousand_events_are_verified_in_five_seconds(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    _write_quickly(path, 100_000)
    started = time.process_time()
    report = verify(path)
    assert report.events == 100_000
    assert time.process_time() - started < 5


def _write_quickly(path: Path, events: int) -> None:
    """A valid chain without an fsync a line, by the documented format alone."""

    def canonical(record: dict[str, Any]) -> str:
        return json.dumps(record, sort_keys=True, separators=(",", ":"))

    head, lines = GENESIS, []
    for seq in range(1, events + 1):
        record: dict[str, Any] = {
            "seq": seq,
            "time": "2026-01-01T00:00:00.000+00:00",
            "event": "x",
            "prev": head,
        }
        head = record["hash"] = hashlib.sha256(canonical(record).encode()).hexdigest()
        lines.append(canonical(record))
    path.write_text("\n".join(lines) + "\n")


def test_after_an_interrupted_write_nothing_is_added_that_does_not_follow(tmp_path: Path) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for trial in range(40):
            log = AuditLog(tmp_path / f"{trial}.jsonl")
            with suppress(KeyboardInterrupt):
                signal.setitimer(signal.ITIMER_REAL, 0.001 + trial / 10_000)
                while True:
                    log.append("thing_happened")
            with suppress(LedgerError):
                log.append("went_on")
            log.close()
            AuditLog(tmp_path / f"{trial}.jsonl").close()
    finally:
        signal.signal(signal.SIGALRM, before)


def test_a_closed_log_writes_into_no_file_that_was_opened_after_it(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.jsonl")
    log.close()
    with (tmp_path / "report.html").open("w"), pytest.raises(LedgerError, match="is closed"):
        log.append("came_too_late")
    assert (tmp_path / "report.html").read_bytes() == b""
