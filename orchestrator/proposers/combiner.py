"""Proposals that need no model: what nearly helped, made to the present best, alone or two together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from orchestrator.breadth import combinations, near_misses
from orchestrator.errors import ProposalsExhausted
from orchestrator.merging import Conflict, merge
from orchestrator.novelty import twin
from orchestrator.records import Direction, Entry, Files, History, Proposal
from orchestrator.text import sanitise_line

TITLE_CHARACTERS = 80
MOST_NEAR_MISSES = 8


class Combiner:
    """Two improvements that were kept apart, then near misses of earlier bests; each once."""

    name = "combiner"

    def __init__(self, direction: Direction = Direction.MINIMIZE) -> None:
        self._direction = direction

    def propose(self, history: History) -> Proposal:
        """Raises ProposalsExhausted while there is nothing to combine."""
        for title, files in self._merged(history):
            if files != history.best_files and twin(history, files) is None:
                changed = {path: text for path, text in files.items() if history.best_files.get(path) != text}
                hypothesis = "Each alone was better than what it was built on, or nearly."
                return Proposal(title, changed, hypothesis, proposer=self.name)
        raise ProposalsExhausted("nothing is left to combine")

    def _merged(self, history: History) -> Iterator[tuple[str, Files]]:
        by_number = {entry.number: entry for entry in history.entries}
        near = near_misses(history, self._direction)[:MOST_NEAR_MISSES]
        pairs = [
            [by_number[pair.first], by_number[pair.second]] for pair in combinations(history, self._direction)
        ]
        for entries in [*pairs, *([entry] for entry in near if entry.base != history.best_number)]:
            files = _onto(history.best_files, entries, by_number)
            if files is not None:
                yield _title(entries), files


def _onto(best: Files, entries: Sequence[Entry], by_number: Mapping[int, Entry]) -> Files | None:
    """Every one's change made to the best; None where they do not fit together."""
    files = best
    try:
        for entry in entries:
            if entry.base in by_number:
                files = merge(base=by_number[entry.base].files, ours=files, theirs=entry.files)
    except Conflict:
        return None
    return files


def _title(entries: Sequence[Entry]) -> str:
    named = [f"{entry.number:04d} {sanitise_line(entry.title, TITLE_CHARACTERS)}" for entry in entries]
    return " + ".join(named) if named[1:] else f"{named[0]}, on the present best"
