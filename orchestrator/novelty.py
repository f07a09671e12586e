"""Whether an idea was tried before: the same files, or the same change in other words. Pure functions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.changes import Change, change_between, change_of
from orchestrator.records import Entry, Files, History, Underway

KIN_SHARE = 0.7
"""Two changes that share so much are one idea. Other lines in the place of the same ones share a half. In the
tests, 2346 pairs of honest edits share 0.57 at most, and a change told again in other words 0.82 at least."""

KIN_ATTEMPTS = 2000

_STRING_OR_COMMENT = re.compile(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|#[^\n]*")
_BOUND = re.compile(
    r"^[ \t]*(?:for[ \t]+([\w \t,.()]+?)[ \t]+in\b|(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)"
    r"|([\w \t,.]+?)(?::[^=\n]+)?=(?!=))",
    re.MULTILINE,
)
_IDLE_SPACE = re.compile(r"(?<!\w) | (?!\w)")
_WORD = re.compile(r"[A-Za-z_]\w*")
_CONSTANT = re.compile(r"^([A-Z][A-Z0-9_]*)(?::[^=]+)?=(?!=)(.+)$")


@dataclass(frozen=True, slots=True)
class Kin:
    """An attempt whose change is much like another one; `share` of the changed lines, 0 to 1, is the same."""

    number: int
    title: str
    share: float


@dataclass(frozen=True, slots=True)
class _Idea:
    """A change with layout, comments and the names of its own taken away, and the constants that it sets."""

    lines: Counter[str]
    constants: dict[str, str]


def twin(history: History, files: Files, *, but: int = 0) -> Entry | Underway | None:
    """The first attempt with exactly these files, open or closed after a run or a refusal, but for `but`.

    Asks each attempt's files whether they equal these; those of a ledger know their own digest, and answer
    without being read.
    """
    attempts = (each for each in _all_attempts(history) if each.number != but and not _moved_on(each))
    return next((attempt for attempt in attempts if attempt.files == files), None)


def _moved_on(attempt: Entry | Underway) -> bool:
    return isinstance(attempt, Entry) and attempt.moved_on


def _all_attempts(history: History) -> Iterator[Entry | Underway]:
    yield from history.entries
    yield from history.underway


def kin(history: History, base_files: Files, files: Files, *, threshold: float = KIN_SHARE) -> Kin | None:
    """The attempt whose change is most like that from `base_files` to `files`; None below the threshold.

    The newest KIN_ATTEMPTS and the open ones are looked at, these as changes of the best. Another value for
    the same constant is another idea.
    """
    wanted = _idea(change_between(base_files, files), _Known(base_files))
    if not wanted.lines:
        return None
    found = (Kin(number, title, _share(wanted, idea)) for number, title, idea in _ideas(history))
    best = max(found, key=lambda each: each.share, default=None)
    return best if best and best.share >= threshold else None


def _ideas(history: History) -> Iterator[tuple[int, str, _Idea]]:
    change = change_of(history)
    bases = {entry.number: entry.files for entry in history.entries}
    known = _Known({}, -1)
    for entry in history.entries[-KIN_ATTEMPTS:]:
        if entry.base != known.number:
            known = _Known(bases.get(entry.base, {}), entry.base)
        yield entry.number, entry.title, _idea(change(entry), known)
    known = _Known(history.best_files)
    for attempt in history.underway:
        yield attempt.number, attempt.title, _idea(change_between(history.best_files, attempt.files), known)


class _Known:
    """Which names a base has; it looks for each of them once."""

    def __init__(self, files: Files, number: int = 0) -> None:
        self.number = number
        self._text = "\n".join(files.values())
        self._found: dict[str, bool] = {}

    def __contains__(self, name: str) -> bool:
        if name not in self._found:
            self._found[name] = bool(re.search(rf"\b{name}\b", self._text))
        return self._found[name]


def _share(one: _Idea, other: _Idea) -> float:
    """Twice the lines in common over all lines (Dice, 1945); 0 when they set a constant to two values."""
    total = one.lines.total() + other.lines.total()
    common = (one.lines & other.lines).total()
    if not common or any(other.constants.get(name, value) != value for name, value in one.constants.items()):
        return 0.0
    return 2 * common / total


def _idea(change: Change, known: _Known) -> _Idea:
    removed, added = (_statements(lines) for lines in (change.removed, change.added))
    constants = {match[1]: match[2] for match in map(_CONSTANT.match, added) if match}
    named = _without_own_names(added, change.added, known)
    return _Idea(
        Counter([*(f"-{line}" for line in removed), *(f"+{line}" for line in named)]),
        constants,
    )


def _statements(lines: Sequence[str]) -> list[str]:
    """Logical lines without comments and white space: an open bracket goes on in the next line."""
    found: list[str] = []
    depth, held = 0, ""
    for line in lines:
        bare = _STRING_OR_COMMENT.sub(lambda match: "" if match[0][0] == "#" else match[0], line)
        held = _IDLE_SPACE.sub("", f"{held} {' '.join(bare.split())}")
        depth = max(0, depth + sum(map(bare.count, "([{")) - sum(map(bare.count, ")]}")))
        if held and not depth:
            found.append(re.sub(r",(?=[)\]}])", "", held))
            held = ""
    return [*found, held] if held else found


def _without_own_names(statements: list[str], lines: Sequence[str], known: _Known) -> list[str]:
    """Names that the change itself introduces all read `_`: another name is not another idea."""
    targets = " ".join(text for groups in _BOUND.findall("\n".join(lines)) for text in groups)
    own = {name for name in _WORD.findall(targets) if name not in known}
    if not own:
        return statements
    return [_WORD.sub(lambda word: "_" if word[0] in own else word[0], line) for line in statements]
