"""What a ledger shows of its attempts: their files, their entries, and the exports on disk."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from orchestrator.ledger.export import LAST_WRITTEN, Results, write_experiments
from orchestrator.ledger.facts import entry_from, progress_of, shown_run, tail_of
from orchestrator.ledger.repo import BareRepo
from orchestrator.ledger.sources import BATCH, Sources
from orchestrator.ledger.standing import Lines
from orchestrator.ledger.state import TEMPLATE, State, log_ref
from orchestrator.records import Curve, Entry

MOST_TAILS = 64


class Shelf:
    """Read from log and repository as far as it is looked at, and kept up to date attempt by attempt.

    Opening reads the best, what is open and the latest attempts. Raises LedgerError when an object of them
    is missing or damaged; one of an older attempt is found when it is looked at, or by `audit verify`.
    """

    def __init__(self, folder: Path, state: State, lines: Lines, repo: BareRepo) -> None:
        self._folder, self._state, self._lines, self._repo = folder, state, lines, repo
        self.files = Sources(state, repo)
        latest = islice(reversed(state.opened), BATCH)
        wanted = {number for number in (*latest, *state.undecided, state.best_number) if number}
        self.files.read([state.refs[TEMPLATE], *(state.opened[number]["commit"] for number in wanted)])
        self._tails: dict[int, str] = self._read_tails()
        self._entries: dict[int, Entry] = {}
        self._results = Results(folder, state)
        self._curve: tuple[int, Curve] = (0, ())

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every closed attempt, in the order of closing; the latest without a value bring their log."""
        for number in islice(self._state.closed, len(self._entries), None):
            self._entries[number] = self._entry(number)
        return tuple(self._entries.values())

    def gather(self, entries: Iterable[Entry]) -> None:
        """Read what these attempts tried, and what they were built on, in one go."""
        self.files.read([c for entry in entries for c in (entry.commit, self._state.base_of(entry.number))])

    @property
    def best_curve(self) -> Curve:
        """The curve of the best's latest run that has a value; empty without a best."""
        best = self._state.best_number
        scored = [e["seq"] for e in self._state.runs_of(best or 0) if e["status"] == "scored"]
        if scored and scored[-1] != self._curve[0]:
            self._curve = scored[-1], progress_of(self._lines.event(scored[-1]))
        return self._curve[1] if scored else ()

    def take_log(self, number: int, log: str) -> None:
        """The log of a run that was just measured, to be shown if the attempt ends without a value."""
        if self._state.values_of(number):
            self._tails.pop(number, None)
        else:
            self._tails[number] = tail_of(log)

    def export(self, number: int) -> None:
        """Write a closed attempt's folder and its row."""
        if number in self._entries:
            self._entries[number] = self._entry(number)
        if number not in self._state.folderless:
            write_experiments(self._folder, self._state, self._lines, self._repo, [number])
        self._results.take(number)

    def export_what_is_missing(self) -> None:
        """Write what a crash kept from being written: folders that are missing, and the last one changed."""
        missing = {number for number in self._state.in_folders if not self._is_written(number)}
        numbers = sorted(missing | {number for number in (self._state.exported,) if number})
        write_experiments(self._folder, self._state, self._lines, self._repo, numbers)
        self._results.check()

    def _is_written(self, number: int) -> bool:
        last = f"{self._folder}/experiments/{number:04d}/{LAST_WRITTEN}"
        return os.path.exists(last)  # noqa: PTH110 - a Path is slow

    def _read_tails(self) -> dict[int, str]:
        state = self._state
        failed = (n for n in reversed(state.opened) if state.runs_of(n) and not state.values_of(n))
        refs = {number: log_ref(number, shown_run(state, number)) for number in islice(failed, MOST_TAILS)}
        blobs = {number: state.refs[ref] for number, ref in refs.items() if ref in state.refs}
        read = self._repo.read(blobs.values())
        return {number: tail_of(read[blob].data.decode(errors="replace")) for number, blob in blobs.items()}

    def _entry(self, number: int) -> Entry:
        files = self.files.of(self._state.opened[number]["commit"])
        return entry_from(self._state, number, files, self._tails.get(number, ""))
