"""Reads an attempt before anything runs, and says what its proposer should change.

This is lint, not the boundary: it makes mistakes cheap, and it can be evaded by anyone who tries.
What candidate code can do is decided by its container alone.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from orchestrator import lint
from orchestrator.policy import EditPolicy
from orchestrator.records import Attempt, Files, Objection, Verdict
from orchestrator.text import sanitise_line

MAX_OBJECTIONS = 20


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
        return Verdict(tuple(self._objections(attempt))[:MAX_OBJECTIONS])

    def _objections(self, attempt: Attempt) -> list[Objection]:
        found = list(_odd_paths(attempt.proposal.files, self._edit.files))
        if not attempt.files.get(self._entry_file, "").strip():
            message = f"{self._entry_file} is missing or empty: the container runs this file, so keep it"
            return [*found, Objection("missing", message, self._entry_file)]
        trees: dict[str, ast.Module] = {}
        present = [path for path in self._edit.files if path in attempt.files]
        for path in present:
            tree = self._read(path, attempt.files[path])
            if isinstance(tree, Objection):
                found.append(tree)
            else:
                trees[path] = tree
                found += self._lint(path, attempt.files[path], tree)
        return [*found, *self._compare(attempt, trees)] if len(trees) == len(present) else found

    def _read(self, path: str, text: str) -> ast.Module | Objection:
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > self._edit.max_file_kib * 1024:
            message = f"{size} bytes, more than the {self._edit.max_file_kib} KiB allowed: shorten the file"
            return Objection("size", message, path)
        return lint.hidden_characters(path, text) or lint.parse(path, text)

    def _lint(self, path: str, text: str, tree: ast.Module) -> list[Objection]:
        found = [*lint.lookalikes(path, text, tree), *lint.forbidden_names(path, tree, self._edit)]
        if path == self._entry_file:
            found += lint.entry_problems(tree, path, self._entry_points)
        return sorted(found, key=lambda objection: objection.line)

    def _compare(self, attempt: Attempt, trees: Mapping[str, ast.Module]) -> Iterator[Objection]:
        if attempt.base_files:
            yield from self._too_many_lines(attempt)
        if attempt.parent is not None and all(_same_file(path, attempt, trees) for path in self._edit.files):
            message = "nothing but layout and comments differs from the best: change what the program does"
            yield Objection("unchanged", message)
        elif attempt.parent is not None and all(
            _same_file(path, attempt, trees, but_seeds=True) for path in self._edit.files
        ):
            message = "nothing but a seed differs from the best: seeds come from the host, luck is not kept"
            yield Objection("seed", message)

    def _too_many_lines(self, attempt: Attempt) -> Iterator[Objection]:
        cap = self._edit.max_changed_lines
        for path in self._edit.files:
            changed = changed_lines(attempt.base_files.get(path, ""), attempt.files.get(path, ""))
            if changed > cap:
                message = f"{changed} lines added or removed, more than {cap}: try a smaller change"
                yield Objection("lines", message, path)


def changed_lines(before: str, after: str) -> int:
    """Lines added plus lines removed; blank lines and lines that only moved do not count.

    Counted as multisets, in linear time: a text made to slow a real diff down cannot slow this.
    """
    old, new = (
        Counter(line for line in map(str.rstrip, text.split("\n")) if line) for text in (before, after)
    )
    return (new - old).total() + (old - new).total()


def _same_file(
    path: str, attempt: Attempt, trees: Mapping[str, ast.Module], *, but_seeds: bool = False
) -> bool:
    before, after = attempt.base_files.get(path), attempt.files.get(path)
    if before is None or after is None or before == after:
        return before == after
    return lint.same_but_seeds(before, after) if but_seeds else lint.same_program(before, trees[path])


def _odd_paths(files: Files, allowed: Sequence[str]) -> Iterator[Objection]:
    for path in files:
        if path not in allowed:
            message = f"only {', '.join(allowed)} may be changed, spelt exactly so"
            yield Objection("path", message, sanitise_line(ascii(path)[1:-1], 80))
