"""What a ledger shows of its attempts: their files, their entries, and the exports on disk."""

from __future__ import annotations

from pathlib import Path

from orchestrator.ledger.export import LAST_WRITTEN, write_experiment, write_results
from orchestrator.ledger.facts import entry_from, shown_run
from orchestrator.ledger.repo import BareRepo
from orchestrator.ledger.state import TEMPLATE, State, log_ref
from orchestrator.records import Entry, Files


class Shelf:
    """Read once from log and repository, then kept up to date attempt by attempt.

    `files` are those of each commit. Raises LedgerError when an object is missing or damaged.
    """

    def __init__(self, folder: Path, state: State, repo: BareRepo) -> None:
        self._folder, self._state, self._repo = folder, state, repo
        commits = [state.refs[TEMPLATE], *(event["commit"] for event in state.opened.values())]
        self.files: dict[str, Files] = dict(repo.read_commits(commits))
        self._logs = self._read_logs()
        self._entries = {number: self._entry(number) for number in state.closed}

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every closed attempt, in the order of closing."""
        return tuple(self._entries.values())

    def take_log(self, number: int, log: str) -> None:
        """The log of a run that was just measured, if it is the one to show."""
        if shown_run(self._state, number) == len(self._state.runs_of(number)):
            self._logs[number] = log

    def export(self, number: int) -> None:
        """Write a closed attempt's folder and the table anew."""
        self._entries[number] = self._entry(number)
        write_experiment(self._folder, self._state, self._repo, number)
        write_results(self._folder, self._state)

    def export_what_is_missing(self) -> None:
        """Write what a crash kept from being written; a best may have been measured after its close."""
        for number in self._state.closed:
            written = (self._folder / "experiments" / f"{number:04d}" / LAST_WRITTEN).exists()
            if not written or len(self._state.runs_of(number)) > 1:
                write_experiment(self._folder, self._state, self._repo, number)
        write_results(self._folder, self._state)

    def _read_logs(self) -> dict[int, str]:
        runs = {number: shown_run(self._state, number) for number in self._state.opened}
        blobs = {number: self._state.refs.get(log_ref(number, count), "") for number, count in runs.items()}
        read = self._repo.read(filter(None, blobs.values()))
        return {n: read[blob].data.decode(errors="replace") for n, blob in blobs.items() if blob}

    def _entry(self, number: int) -> Entry:
        files = self.files[self._state.opened[number]["commit"]]
        return entry_from(self._state, number, files, self._logs.get(number, ""))
