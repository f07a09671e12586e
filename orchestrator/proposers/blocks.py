"""Search/replace blocks and fenced whole files in a model's text, found line by line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.proposers.edits import Edit, MalformedReply, Replace, Rewrite
from orchestrator.records import Files

_SEARCH = re.compile(r"^\s{0,3}<{5,9}\s*SEARCH\s*$")
_DIVIDER = re.compile(r"^={5,9}\s*$")
_REPLACE = re.compile(r"^\s{0,3}>{5,9}\s*REPLACE\s*$")
_FENCE = re.compile(r"^\s{0,3}(?P<ticks>`{3,}|~{3,})\s*(?P<info>[\w+./-]*)\s*$")
_LABEL = re.compile(r"^(?:[#>*\-\s]+|\d+[.)]\s+)*(?:(?:file(?:name|path)?|path)\s*:\s*)?", re.IGNORECASE)
_QUOTED = re.compile(r"`([^`\n]+)`")
_LIKE_A_PATH = re.compile(r"[/\\]|\.\w+(?::[\w$]+)*[\x00-\x1f]*$")


@dataclass(frozen=True, slots=True)
class Block:
    """An edit, and the first line after it."""

    edit: Edit | None
    end: int


def read_blocks(text: str, base: Files) -> tuple[Edit, ...]:
    """Every edit in the text, in order.

    Raises MalformedReply when a block is not closed, is divided twice, or leaves open which file it means.
    """
    lines = text.split("\n")
    edits: list[Edit] = []
    nameless = 0
    at = 0
    while at < len(lines):
        block = _block_at(lines, at, edits, base)
        if block is None:
            at += 1
            continue
        nameless += block.edit is None
        edits.extend([block.edit] if block.edit else [])
        at = block.end
    if nameless and not any(isinstance(edit, Replace) for edit in edits):
        raise MalformedReply("a fenced block has no path on the line before it")
    return tuple(edits)


def has_search_marks(text: str) -> bool:
    """Whether any line is the start of a search/replace block."""
    return any(_SEARCH.match(line) for line in text.split("\n"))


def text_before_blocks(text: str) -> str:
    """The lines before the first block or fence: what follows may be code."""
    lines = text.split("\n")
    first = (at for at, line in enumerate(lines) if _SEARCH.match(line) or _FENCE.match(line))
    return "\n".join(lines[: next(first, len(lines))])


def _block_at(lines: Sequence[str], at: int, edits: Sequence[Edit], base: Files) -> Block | None:
    line = lines[at]
    if _SEARCH.match(line):
        return _search_block(lines, at, edits, base)
    if _REPLACE.match(line):
        raise MalformedReply(f"line {at + 1} of the reply, {line.strip()!r}, belongs to no SEARCH block")
    fence = _FENCE.match(line)
    return _fenced_block(lines, at, fence) if fence else None


def _search_block(lines: Sequence[str], at: int, edits: Sequence[Edit], base: Files) -> Block:
    end = next((n for n in range(at + 1, len(lines)) if _REPLACE.match(lines[n])), None)
    if end is None:
        raise MalformedReply(f"the SEARCH block at line {at + 1} of the reply has no end '>>>>>>> REPLACE'")
    inner = lines[at + 1 : end]
    if any(_SEARCH.match(line) for line in inner):
        raise MalformedReply(f"the SEARCH block at line {at + 1} of the reply has another one inside")
    dividers = [n for n, line in enumerate(inner) if _DIVIDER.match(line)]
    if len(dividers) != 1:
        raise MalformedReply(f"the SEARCH block at line {at + 1} has {len(dividers)} '=======' lines, not 1")
    search, replace = inner[: dividers[0]], inner[dividers[0] + 1 :]
    path = _path_above_search(lines, at) or _implied_path(edits, base)
    return Block(Replace(path, _joined(search), _joined(replace)), end + 1)


def _joined(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _implied_path(edits: Sequence[Edit], base: Files) -> str:
    if edits:
        return edits[-1].path
    if len(base) == 1:
        return next(iter(base))
    raise MalformedReply("a SEARCH block has no path on the line before it, and there are several files")


def _fenced_block(lines: Sequence[str], at: int, fence: re.Match[str]) -> Block | None:
    """A whole file when a path stands above, else a nameless block; None for a fence around SEARCH blocks."""
    if _wraps_search(lines, at) or (not fence["info"] and _closes_search(lines, at)):
        return None
    ticks = fence["ticks"]
    closing = re.compile(rf"^\s{{0,3}}{re.escape(ticks[0])}{{{len(ticks)},}}\s*$")
    end = next((n for n in range(at + 1, len(lines)) if closing.match(lines[n])), None)
    if end is None:
        raise MalformedReply(f"the fenced block at line {at + 1} of the reply is not closed")
    inner = lines[at + 1 : end]
    if any(_SEARCH.match(line) or _REPLACE.match(line) for line in inner):
        raise MalformedReply(f"the fenced block at line {at + 1} mixes a SEARCH block with other text")
    path = _path_in(_line_above(lines, at))
    return Block(Rewrite(path, _joined(inner)) if path else None, end + 1)


def _wraps_search(lines: Sequence[str], at: int) -> bool:
    """Whether a SEARCH block starts here, possibly after blank lines and its path line."""
    following = [line for line in lines[at + 1 : at + 5] if line.strip()][:2]
    if following and _SEARCH.match(following[0]):
        return True
    return len(following) == 2 and bool(_SEARCH.match(following[1])) and bool(_path_in(following[0]))


def _closes_search(lines: Sequence[str], at: int) -> bool:
    before = next((line for line in reversed(lines[:at]) if line.strip()), "")
    return bool(_REPLACE.match(before))


def _line_above(lines: Sequence[str], at: int) -> str:
    """The nearest of the two lines above that is not blank; empty when both are."""
    return next((line for line in reversed(lines[max(0, at - 2) : at]) if line.strip()), "")


def _path_above_search(lines: Sequence[str], at: int) -> str:
    above = _line_above(lines, at)
    fence = _FENCE.match(above)
    if not fence:
        return _path_in(above)
    at = max(n for n in range(at) if lines[n] == above)
    return fence["info"] if _LIKE_A_PATH.search(fence["info"]) else _path_in(_line_above(lines, at))


def _path_in(line: str) -> str:
    """The path that a line names and nothing else: bare, labelled, quoted, or as a heading."""
    if _REPLACE.match(line) or _FENCE.match(line):
        return ""
    quoted = _QUOTED.findall(line)
    if len(quoted) == 1 and _LIKE_A_PATH.search(quoted[0]):
        return str(quoted[0])
    bare = _LABEL.sub("", line.strip(), count=1).strip().rstrip(":").strip("*`_ \t\"'")
    return bare if not re.search(r"\s", bare) and _LIKE_A_PATH.search(bare) else ""
