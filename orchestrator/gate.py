"""Reads an attempt before anything runs, and says what its proposer should change.

This is lint, not the boundary: it makes mistakes cheap, and it can be evaded by anyone who tries.
What candidate code can do is decided by its container alone. Every code of an objection is explained in
`orchestrator/lint/codes.py`.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from orchestrator.lint.blobs import absurd_numbers, embedded_data
from orchestrator.lint.characters import declared_encoding, hidden_characters, lookalikes
from orchestrator.lint.entry import entry_problems
from orchestrator.lint.names import forbidden_names
from orchestrator.lint.paths import may_be_written, module_of
from orchestrator.lint.sameness import Difference, difference
from orchestrator.lint.scopes import out_of_scope
from orchestrator.lint.source import Source, count_tokens, parse, read_source
from orchestrator.policy import EditPolicy
from orchestrator.records import Attempt, Files, Objection, Verdict
from orchestrator.text import sanitise_line

MAX_OBJECTIONS = 20


@dataclass(frozen=True, slots=True)
class _Reading:
    """What one file gave: its objections, its size in tokens, and its difference, unless it is unreadable."""

    objections: tuple[Objection, ...]
    tokens: int = 0
    difference: Difference | None = None


class PolicyGate:
    """Reviews attempts by the policy's `edit` section and the task's entry points."""

    def __init__(self, edit: EditPolicy, entry_file: str, entry_points: Mapping[str, int]) -> None:
        self._edit = edit
        self._entry_file = entry_file
        self._entry_points = dict(entry_points)

    def review(self, attempt: Attempt) -> Verdict:
        """Every objection to the attempt, at most MAX_OBJECTIONS; never raises for what it reads."""
        if attempt.proposal.problem:
            problem = sanitise_line(attempt.proposal.problem, 500)
            return Verdict((Objection("malformed", f"the proposal changes nothing: {problem}"),))
        return Verdict(tuple(islice(self._objections(attempt), MAX_OBJECTIONS)))

    def _objections(self, attempt: Attempt) -> Iterator[Objection]:
        yield from self._odd_paths(attempt.proposal.files)
        missing = list(self._missing(attempt))
        yield from missing
        own = sorted(path for path in attempt.files if may_be_written(path, self._edit.files))
        too_large = _over(self._edit.max_total_kib, (attempt.files[path] for path in own))
        if too_large:
            yield Objection("size", f"all files together have {too_large}: shorten them")
        if not missing and not too_large:
            yield from self._read_all(attempt, own)

    def _odd_paths(self, files: Files) -> Iterator[Objection]:
        for path in files:
            if not may_be_written(path, self._edit.files):
                message = f"only {', '.join(self._edit.files)} may be changed, spelt exactly so"
                yield Objection("path", message, sanitise_line(ascii(path)[1:-1], 80))

    def _missing(self, attempt: Attempt) -> Iterator[Objection]:
        if not attempt.files.get(self._entry_file, "").strip():
            message = f"{self._entry_file} is missing or empty: the container runs this file, so keep it"
            yield Objection("missing", message, self._entry_file)
        for path in attempt.base_files.keys() - attempt.files.keys() - {self._entry_file}:
            message = "a file cannot be removed: empty it, if nothing needs it"
            yield Objection("missing", message, sanitise_line(ascii(path)[1:-1], 80))

    def _read_all(self, attempt: Attempt, own: list[str]) -> Iterator[Objection]:
        """One file after the other, so that a single tree is in memory at a time."""
        room, differences = self._edit.max_tokens, []
        for path in own:
            reading = self._read(path, attempt, room)
            yield from reading.objections
            room -= reading.tokens
            differences.append(reading.difference)
        known = [difference for difference in differences if difference is not None]
        if len(known) == len(own):
            yield from self._compare(attempt, own, max(known, default=Difference.NONE))

    def _read(self, path: str, attempt: Attempt, room: int) -> _Reading:
        text = attempt.files[path]
        if too_large := _over(self._edit.max_file_kib, [text]):
            return _Reading((Objection("size", f"{too_large}: shorten the file", path),))
        disguised = hidden_characters(path, text) or declared_encoding(path, text)
        source = disguised or read_source(path, text, self._edit, room)
        if isinstance(source, Objection):
            return _Reading((source,))
        before = attempt.base_files.get(path)
        base = None if before is None or before == text else parse(path, before)
        tree = base if isinstance(base, ast.Module) else None
        found = list(self._lint(source, attempt))
        if path in self._edit.scopes and attempt.parent is not None and before != text:
            found += out_of_scope(tree, source, self._edit.scopes[path])
        found.sort(key=lambda objection: objection.line)
        distance = Difference.NONE if before == text else Difference.PROGRAM
        if tree and before is not None:
            distance = difference(tree, source.tree, (before, text))
        return _Reading(tuple(found), count_tokens(source.lexemes), distance)

    def _lint(self, source: Source, attempt: Attempt) -> Iterator[Objection]:
        yield from lookalikes(source)
        yield from forbidden_names(source, self._edit, map(module_of, attempt.files))
        yield from embedded_data(source, self._edit)
        yield from absurd_numbers(source)
        if source.path == self._entry_file:
            yield from entry_problems(source, self._entry_points)

    def _compare(self, attempt: Attempt, own: list[str], difference: Difference) -> Iterator[Objection]:
        cap = self._edit.max_changed_lines
        before, after = attempt.base_files, attempt.files
        changed = sum(changed_lines(before.get(path, ""), after[path]) for path in own) if before else 0
        if changed > cap:
            yield Objection(
                "lines", f"{changed} lines added or removed, more than {cap}: try a smaller change"
            )
        if attempt.parent is not None and difference in _NO_CHANGE:
            yield Objection(*_NO_CHANGE[difference])


_NO_CHANGE = {
    Difference.NONE: (
        "unchanged",
        "nothing but layout and comments differs from the best: change what the program does",
    ),
    Difference.SEEDS: (
        "seed",
        "nothing but a seed differs from the best: seeds come from the host, luck is not kept",
    ),
}


def changed_lines(before: str, after: str) -> int:
    """Lines added plus lines removed; blank lines and lines that only moved do not count.

    Counted as multisets, in linear time: a text made to slow a real diff down cannot slow this.
    """
    old, new = (
        Counter(line for line in map(str.rstrip, text.split("\n")) if line) for text in (before, after)
    )
    return (new - old).total() + (old - new).total()


def _over(kib: int, texts: Iterable[str]) -> str:
    """How many bytes the texts have and may have, if they have too many."""
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    return f"{size} bytes, more than the {kib} KiB allowed" if size > kib * 1024 else ""
