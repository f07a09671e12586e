"""Reads the story of a run: from its folder, safe while another process writes it, or from a results.tsv."""

from __future__ import annotations

from pathlib import Path

from orchestrator.ledger.export import ResultRow, read_results_tsv
from orchestrator.ledger.reading import is_held
from orchestrator.ledger.repo import BareRepo
from orchestrator.ledger.state import log_ref
from orchestrator.ledger.telling import Telling
from orchestrator.records import Action, Direction, Files, Measure
from orchestrator.story import AttemptStory, RunStory, Story


def read_story(folder: Path) -> Story:
    """The whole story of a run folder. A broken log is told up to its break, which `chain` then names.

    Raises LedgerError when not even the beginning of the log can be read.
    """
    telling = Telling(folder)
    telling.read_on()
    return telling.story(held=is_held(folder / "lock"))


class Archive:
    """The bulky texts of a run, read from its repository when asked for, as the candidate wrote them."""

    def __init__(self, folder: Path) -> None:
        self._repo = BareRepo(folder / "repo.git")

    def diff(self, attempt: AttemptStory) -> str:
        """What the attempt changed against its base. Raises LedgerError."""
        return self._diff(attempt.base_commit, attempt.commit)

    def diff_between(self, before: AttemptStory, after: AttemptStory) -> str:
        """What one attempt's files have that another's have not. Raises LedgerError."""
        return self._diff(before.commit, after.commit)

    def files(self, attempt: AttemptStory) -> Files:
        """The files as the attempt was committed. Raises LedgerError."""
        return self._repo.read_commits([attempt.commit])[attempt.commit]

    def log(self, number: int, run: int = 1) -> str:
        """What one run of an attempt printed, runs counted from 1; empty when nothing. Raises LedgerError."""
        name = log_ref(number, run)
        blob = self._repo.refs(name).get(name)
        return self._repo.read([blob])[blob].data.decode(errors="replace") if blob else ""

    def _diff(self, before: str, after: str) -> str:
        if before == after:
            return ""
        (found,) = self._repo.diffs([(before, after)])
        return found.decode(errors="replace")


def story_of_results(path: Path) -> Story:
    """The story of a results.tsv, ours or upstream's: its rows as attempts, and which way is better as its
    kept rows went. Raises SetupError."""
    rows = read_results_tsv(path)
    attempts = tuple(_attempt_of_row(number, row) for number, row in enumerate(rows, start=1))
    kept = tuple(attempt.number for attempt in attempts if attempt.kept)
    return Story(path.stem, attempts, kept, measure=_measure_of(path, attempts, kept))


def _attempt_of_row(number: int, row: ResultRow) -> AttemptStory:
    status = "crashed" if row.val_bpb is None else "scored"
    action = Action.KEEP if row.status == "keep" else Action.DISCARD
    run = RunStory(status, memory_gb=row.memory_gb, value=row.val_bpb)
    return AttemptStory(number, row.description, status, commit=row.commit, runs=(run,), action=action)


def _measure_of(path: Path, attempts: tuple[AttemptStory, ...], kept: tuple[int, ...]) -> Measure:
    """The table's own name for its number; higher is better where the last keep is above the first."""
    name = path.read_text(encoding="utf-8").partition("\n")[0].split("\t")[1]
    values = [value for number in kept if (value := attempts[number - 1].value) is not None]
    rose = bool(values) and values[-1] > values[0]
    unit = Measure().unit if name == Measure().name else ""
    return Measure(name, unit, Direction.MAXIMIZE if rose else Direction.MINIMIZE)
