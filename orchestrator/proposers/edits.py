"""Edits as records, and what they do to files. Text in, text out: nothing here touches the disk."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.records import Files

NEAREST_SEARCH_LINES = 5000
SHOWN_CHARACTERS = 120
SHOWN_LINES = 4


class MalformedReply(Exception):  # noqa: N818 - the model's doing: data, not an error of ours
    """The reply cannot be turned into files; the message says why, for the model to act on."""


@dataclass(frozen=True, slots=True)
class Replace:
    """Put `replace` where `search` stands; `search` must match exactly once.

    With `whole_lines`, both are runs of lines, and white space at the ends of lines does not count.
    """

    path: str
    search: str
    replace: str
    whole_lines: bool = True


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Make `content` the whole file."""

    path: str
    content: str


Edit = Replace | Rewrite


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of characters."""

    start: int
    end: int


def apply_edits(edits: Iterable[Edit], base: Files) -> dict[str, str]:
    """The whole new text of each file that really changes, after all edits in order.

    Raises MalformedReply when an edit matches nowhere or more than once, edits of one file contradict
    each other, or nothing changes.
    """
    files: dict[str, str] = {}
    rewritten: set[str] = set()
    for edit in edits:
        if edit.path in rewritten or (isinstance(edit, Rewrite) and edit.path in files):
            raise MalformedReply(
                f"{edit.path!r} is given whole and edited elsewhere in the same reply: do one of them"
            )
        if isinstance(edit, Rewrite):
            rewritten.add(edit.path)
        files[edit.path] = _after(edit, {**base, **files})
    changed = {path: text for path, text in files.items() if base.get(path) != text}
    if not changed:
        nothing = "the edits change nothing: the new text is the old one"
        raise MalformedReply(nothing if files else "the reply holds no edit")
    return changed


def _after(edit: Edit, files: Files) -> str:
    if isinstance(edit, Rewrite):
        return _ended(edit.content)
    if edit.path not in files:
        if not edit.search.strip():
            return _ended(edit.replace)
        known = f"the files are {sorted(files)}; name one of them, or give the new file whole"
        raise MalformedReply(f"there is no file {edit.path!r} to search in; {known}")
    if not edit.search.strip():
        raise MalformedReply(f"the search text for {edit.path!r} is empty: copy the lines to replace into it")
    return _replaced(edit, files[edit.path])


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _replaced(edit: Replace, text: str) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    plain = text.replace("\r\n", "\n")
    find = _line_matches if edit.whole_lines else _text_matches
    spans = find(plain, edit.search)
    if len(spans) != 1:
        raise MalformedReply(_mismatch(edit, plain, spans))
    replace = _ended(edit.replace) if edit.whole_lines else edit.replace
    return (plain[: spans[0].start] + replace + plain[spans[0].end :]).replace("\n", newline)


def _text_matches(text: str, search: str) -> list[Span]:
    spans: list[Span] = []
    start = text.find(search)
    while start >= 0:
        spans.append(Span(start, start + len(search)))
        start = text.find(search, start + 1)
    return spans


def _line_matches(text: str, search: str) -> list[Span]:
    lines = text.split("\n")
    bare = [line.rstrip() for line in lines]
    wanted = [line.rstrip() for line in search.removesuffix("\n").split("\n")]
    offsets = [0]
    for line in lines:
        offsets.append(offsets[-1] + len(line) + 1)
    starts = [at for at in _places(bare, wanted[0]) if bare[at : at + len(wanted)] == wanted]
    return [Span(offsets[at], min(offsets[at + len(wanted)], len(text))) for at in starts]


def _places(lines: list[str], wanted: str) -> list[int]:
    return [index for index, line in enumerate(lines) if line == wanted]


def _mismatch(edit: Replace, text: str, spans: list[Span]) -> str:
    shown = _shorten(_first_line(edit.search))
    if spans:
        lines = ", ".join(str(text.count("\n", 0, span.start) + 1) for span in spans[:5])
        where = f"matches {len(spans)} times (lines {lines}); add lines around it"
        return f"the search text starting {shown!r} in {edit.path!r} {where}"
    return f"the search text starting {shown!r} matches nowhere in {edit.path!r}{_nearest(edit.search, text)}"


def _nearest(search: str, text: str) -> str:
    """Where most lines of the search text stand in place, else the most similar line, and what to do."""
    lines = text.split("\n")[:NEAREST_SEARCH_LINES]
    bare = [line.strip() for line in lines]
    wanted = [line.strip() for line in search.strip("\n").split("\n")]
    votes = Counter(at - offset for offset, line in enumerate(wanted) if line for at in _places(bare, line))
    best = max(votes, key=lambda at: (votes[at], -at), default=-1)
    if best < 0:
        close = difflib.get_close_matches(_first_line(search)[:300], [line[:300] for line in bare], n=1)
        best = next((at for at, line in enumerate(bare) if close and line[:300] == close[0]), -1)
    if best < 0:
        return "; copy the lines to replace exactly from the file"
    pairs = enumerate(zip(bare[best:], wanted, strict=False), best)
    differing = next((at for at, (line, other) in pairs if line != other), None)
    return _place(lines, best, min(len(wanted), len(lines) - best), differing)


def _place(lines: list[str], start: int, count: int, differing: int | None) -> str:
    """A few lines of the place, around the first one that differs, as a clause."""
    first = max(start, start if differing is None else differing - 1)
    shown = [f"{at + 1} {_shown(lines[at])}" for at in range(first, min(first + SHOWN_LINES, start + count))]
    where = f"line {start + 1}" if count == 1 else f"lines {start + 1} to {start + count}"
    what = "only white space" if differing is None else f"line {differing + 1}"
    return (
        f"; the nearest place is {where}, where {what} differs: {', '.join(shown)}; copy it exactly as it is"
    )


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.split("\n") if line.strip()), "")


def _shown(line: str) -> str:
    """The line, its indentation in words: an error is one line, in which white space is not kept."""
    indent = len(line) - len(line.lstrip())
    unit = "tabs" if line.startswith("\t") else "spaces"
    return repr(_shorten(line.strip())) + (f" after {indent} {unit}" if indent else "")


def _shorten(line: str) -> str:
    return line if len(line) <= SHOWN_CHARACTERS else line[:SHOWN_CHARACTERS] + "..."
