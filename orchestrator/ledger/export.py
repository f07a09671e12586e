"""Views of a run as plain files, all of which can be made again from the audit log and the repository."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from orchestrator.errors import LedgerError, SetupError
from orchestrator.ledger.disk import FREE_SPACE, RunLock, append_whole, write_whole
from orchestrator.ledger.facts import TITLE_CHARACTERS, last_run, memory_gb, shown_run
from orchestrator.ledger.repo import BareRepo
from orchestrator.ledger.standing import Lines, read_standing
from orchestrator.ledger.state import State, log_ref
from orchestrator.records import Action, Outcome
from orchestrator.text import sanitise_block, sanitise_line

COLUMNS = ("commit", "val_bpb", "memory_gb", "status", "description")
RESULTS = "results.tsv"
SELF_REPORTED = "[self-reported] "
_NO_LIMIT = 1 << 40
_BATCH = 256
_FORMULA_STARTS = tuple("=+-@\"'\uff1d\uff0b\uff0d\uff20")  # and their full-width forms
_STATUSES: Mapping[str, Literal["keep", "discard", "crash"]] = {
    "keep": "keep",
    "discard": "discard",
    "crash": "crash",
}


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One line of results.tsv. `val_bpb` is None for a crash, which the file shows as 0.000000."""

    commit: str
    val_bpb: float | None
    memory_gb: float
    status: Literal["keep", "discard", "crash"]
    description: str


def results_tsv(rows: Iterable[ResultRow], metric: str = "val_bpb") -> bytes:
    """The file that autoresearch users know, its second column named after the metric.

    Crash rows carry 0.000000 and 0.0, as upstream's do.
    """
    columns = [metric if column == "val_bpb" else column for column in COLUMNS]
    lines = ["\t".join(columns), *(_line(row) for row in rows)]
    return "".join(f"{line}\n" for line in lines).encode()


def _line(row: ResultRow) -> str:
    value, memory = (0.0, 0.0) if row.val_bpb is None else (row.val_bpb, row.memory_gb)
    description = sanitise_line(row.description, TITLE_CHARACTERS)
    quoted = f"'{description}" if description.startswith(_FORMULA_STARTS) else description
    return f"{row.commit}\t{value:.6f}\t{memory:.1f}\t{row.status}\t{quoted}"


def read_results_tsv(path: Path) -> list[ResultRow]:
    """Read our results.tsv, whatever its metric, or upstream's.

    Raises SetupError with the line that is not a row.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{path}: cannot be read: {error}", remedy="check the path") from None
    table = list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    if not table or (table[0][:1], table[0][2:]) != ([COLUMNS[0]], [*COLUMNS[2:]]):
        raise SetupError(f"{path}: is not a results.tsv", remedy=f"its columns are {' '.join(COLUMNS)}")
    return [_row(path, number, cells) for number, cells in enumerate(table[1:], start=2)]


def _row(path: Path, number: int, cells: list[str]) -> ResultRow:
    try:
        commit, value, memory, status, description = cells
        row = ResultRow(commit, float(value), float(memory), _STATUSES[status], description)
        if not (math.isfinite(float(value)) and math.isfinite(row.memory_gb)):
            raise ValueError(value)
    except (ValueError, KeyError):
        raise SetupError(f"{path} line {number}: is not a row of results", remedy="see upstream's") from None
    return row if status != "crash" else ResultRow(commit, None, row.memory_gb, "crash", description)


def result_rows(state: State) -> list[ResultRow]:
    """A row for every closed attempt that ran.

    Refused attempts, and those that never ran, have no word in upstream's vocabulary and are left out; one
    that is held for a person is shown as a discard. A value is the mean of the attempt's runs.
    """
    return [_result_row(state, number) for number in state.closed if state.runs_of(number)]


def _result_row(state: State, number: int) -> ResultRow:
    opened, closed, values = state.opened[number], state.closed[number], state.values_of(number)
    self_reported = SELF_REPORTED if state.kinds_of(number) == {False} else ""
    early = "stopped early: " if closed["status"] == Outcome.STOPPED else ""
    measured: Literal["keep", "discard"] = "keep" if closed["action"] == Action.KEEP else "discard"
    scored = closed["status"] == "scored"
    return ResultRow(
        commit=opened["commit"][:7],
        val_bpb=math.fsum(values) / len(values) if scored else None,
        memory_gb=memory_gb(last_run(state, number) or {}),
        status=measured if scored else "crash",
        description=f"{self_reported}{early}{opened['title']}",
    )


def experiments(
    state: State, lines: Lines, repo: BareRepo, numbers: Iterable[int]
) -> Iterator[tuple[int, dict[str, bytes]]]:
    """The folder of each of these closed attempts: name -> content, every text in it safe to print."""
    left = iter(numbers)
    while batch := list(islice(left, _BATCH)):
        diffs = repo.diffs((state.base_of(number), state.opened[number]["commit"]) for number in batch)
        blobs = [state.refs.get(log_ref(number, shown_run(state, number)), "") for number in batch]
        logs = repo.read(filter(None, blobs))
        for number, diff, blob in zip(batch, diffs, blobs, strict=True):
            yield number, _files(state, lines, number, diff, logs[blob].data if blob else b"")


def _files(state: State, lines: Lines, number: int, diff: bytes, log: bytes) -> dict[str, bytes]:
    closed, runs = state.closed[number], [lines.event(event["seq"]) for event in state.runs_of(number)]
    files = {"edit.diff": _safe(diff)}
    shown = runs[shown_run(state, number) - 1] if runs else None
    if shown:
        files["result.json"] = _json(shown["run"])
    if len(runs) > 1:
        files["runs.json"] = _json([{key: event[key] for key in _MEASURED} for event in runs])
    if log:
        files["log.txt"] = _safe(log)
    decided = {key: closed[key] for key in _DECIDED} | {"values": state.values_of(number)}
    files[LAST_WRITTEN] = _json({**decided, "score": shown["score"] if shown else None})
    return files


def _safe(text: bytes) -> bytes:
    return sanitise_block(text.decode(errors="replace"), _NO_LIMIT).encode()


_DECIDED = ("action", "reason", "facts", "status", "objections")
_MEASURED = ("seed", "serving", "status", "failure", "score")
LAST_WRITTEN = "score.json"


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()


def write_experiments(
    folder: Path, state: State, lines: Lines, repo: BareRepo, numbers: Iterable[int]
) -> None:
    """Write the folders of some attempts, each file at once. Raises LedgerError."""
    for number, files in experiments(state, lines, repo, numbers):
        target = folder / "experiments" / f"{number:04d}"
        try:
            target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"experiments/{number:04d} cannot be made: {error.strerror}"
            raise LedgerError(message, remedy=FREE_SPACE) from error
        for name, data in files.items():
            write_whole(target / name, data)


def write_results(folder: Path, state: State) -> None:
    """Write results.tsv at once. Raises LedgerError."""
    write_whole(folder / RESULTS, results_tsv(result_rows(state), state.measure.name))


class Results:
    """results.tsv of a run that goes on: a new row is added to it, and the whole is written only when an
    older one has changed. Raises LedgerError when it cannot be written; the next start mends it."""

    def __init__(self, folder: Path, state: State) -> None:
        self._path, self._state = folder / RESULTS, state
        self._rows: dict[int, bytes] = {}

    def check(self) -> None:
        """Write it anew where it is not what the log says."""
        self._rows = {number: self._row(number) for number in self._state.closed if self._ran(number)}
        try:
            found = self._path.read_bytes()
        except OSError:
            found = b""
        if found != self._whole():
            write_whole(self._path, self._whole())

    def take(self, number: int) -> None:
        """An attempt was closed, or measured once more after that."""
        begun, new = bool(self._rows), number not in self._rows
        if self._ran(number):
            self._rows[number] = self._row(number)
        elif begun:
            return
        if begun and new:
            append_whole(self._path, self._rows[number])
        else:
            write_whole(self._path, self._whole())

    def _ran(self, number: int) -> bool:
        return bool(self._state.runs_of(number))

    def _row(self, number: int) -> bytes:
        return f"{_line(_result_row(self._state, number))}\n".encode()

    def _whole(self) -> bytes:
        return results_tsv((), self._state.measure.name) + b"".join(self._rows.values())


def rebuild(folder: Path) -> None:
    """Make every export of a run again from its audit log and repository. Raises LedgerError, SetupError."""
    lock = RunLock(folder)
    try:
        standing, repo = read_standing(folder), BareRepo(folder / "repo.git")
        write_experiments(folder, standing.state, standing.lines, repo, standing.state.in_folders)
        write_results(folder, standing.state)
    finally:
        lock.release()
