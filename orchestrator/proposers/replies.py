"""A model's text reply, read strictly: a title, a hypothesis, and edits, or one problem.

Two forms are accepted, since models write either:

    TITLE: one line                              {"title": "...", "hypothesis": "...",
    HYPOTHESIS: one sentence                      "edits": [{"path": "train.py",
    train.py                                                "search": "...", "replace": "..."},
    <<<<<<< SEARCH                                          {"path": "train.py", "content": "..."}]}
    old lines
    =======
    new lines
    >>>>>>> REPLACE

A path line followed by a fenced block gives a whole file.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from orchestrator.proposers.blocks import has_search_marks, read_blocks
from orchestrator.proposers.edits import Edit, MalformedReply, Replace, Rewrite, apply_edits
from orchestrator.records import Files, Proposal, Usage
from orchestrator.text import sanitise_line

MAX_REPLY_CHARACTERS = 1_000_000
TITLE_CHARACTERS = 200
HYPOTHESIS_CHARACTERS = 600
UNTITLED = "untitled change"

_THINKING = re.compile(r"\A\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
_LABEL = r"^[#*_\s>-]*(?:{names})[*_\s]*:[*_\s]*(?P<text>\S.*?)[*_\s]*$"
_TITLE = re.compile(_LABEL.format(names="title|description"), re.IGNORECASE | re.MULTILINE)
_HYPOTHESIS = re.compile(_LABEL.format(names="hypothesis"), re.IGNORECASE | re.MULTILINE)
_JSON_FENCE = re.compile(r"^```json[ \t]*\n(?P<body>.*)^```[ \t]*$", re.DOTALL | re.MULTILINE | re.IGNORECASE)

_JSON_AFTER_WORDS = re.compile(r"^(?P<body>\{\s*\"(?:title|hypothesis|edits)\".*)", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model said, before it is held against the files."""

    title: str
    hypothesis: str
    edits: tuple[Edit, ...]


def read_reply(text: str, base: Files, *, proposer: str, usage: Usage | None = None) -> Proposal:
    """The reply as a proposal against `base`; a malformed one has no files and says why in `problem`."""
    spent = usage or Usage()
    title, hypothesis = UNTITLED, ""
    try:
        reply = parse_reply(text, base)
        title, hypothesis = reply.title, reply.hypothesis
        files = apply_edits(reply.edits, base)
        _check_encodable(files)
    except MalformedReply as fault:
        problem = sanitise_line(str(fault), 600)
        return Proposal(title, {}, hypothesis, proposer=proposer, problem=problem, usage=spent)
    return Proposal(title, files, hypothesis, proposer=proposer, usage=spent)


def parse_reply(text: str, base: Files) -> Reply:
    """Read either form. Raises MalformedReply for anything that is ambiguous or broken."""
    if len(text) > MAX_REPLY_CHARACTERS:
        raise MalformedReply(f"the reply has {len(text)} characters, more than {MAX_REPLY_CHARACTERS}")
    plain = _THINKING.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip("\n\ufeff ")
    if not plain:
        raise MalformedReply("the reply is empty")
    body = _json_body(plain)
    return _from_json(body) if body is not None else _from_text(plain, base)


def _from_text(text: str, base: Files) -> Reply:
    edits = read_blocks(text, base)
    if not edits:
        raise MalformedReply(f"the reply holds no edit; it starts {text[:80]!r}")
    return Reply(
        _labelled(_TITLE, text, TITLE_CHARACTERS) or UNTITLED,
        _labelled(_HYPOTHESIS, text, HYPOTHESIS_CHARACTERS),
        edits,
    )


def _labelled(pattern: re.Pattern[str], text: str, limit: int) -> str:
    match = pattern.search(text)
    return sanitise_line(match["text"], limit) if match else ""


def _json_body(text: str) -> str | None:
    """The part that claims to be the JSON form: all of it, a json fence, or an object after some words."""
    if text.startswith("{"):
        return text
    if has_search_marks(text):
        return None
    match = _JSON_FENCE.search(text) or _JSON_AFTER_WORDS.search(text)
    return match["body"] if match else None


def _from_json(body: str) -> Reply:
    try:
        value = json.loads(body, strict=False, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise MalformedReply(f"the reply looks like JSON and is not: {error}") from None
    edits = value.get("edits") if isinstance(value, dict) else None
    if not isinstance(edits, list) or not edits:
        raise MalformedReply("the JSON reply has no list 'edits'")
    title, hypothesis = (_string(value, key, default="") for key in ("title", "hypothesis"))
    return Reply(
        sanitise_line(title, TITLE_CHARACTERS) or UNTITLED,
        sanitise_line(hypothesis, HYPOTHESIS_CHARACTERS),
        tuple(_edit(item, place) for place, item in enumerate(edits, 1)),
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return value


def _edit(item: object, place: int) -> Edit:
    if not isinstance(item, dict):
        raise MalformedReply(f"edit {place} is not an object")
    path = _string(item, "path")
    keys = set(item) - {"path"}
    if keys == {"content"}:
        return Rewrite(path, _lines(_string(item, "content")))
    if keys == {"search", "replace"}:
        search, replace = _lines(_string(item, "search")), _lines(_string(item, "replace"))
        return Replace(path, search, replace, whole_lines=False)
    raise MalformedReply(f"edit {place} needs 'path' and either 'content' or 'search' and 'replace'")


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")


def _string(value: dict[str, Any], key: str, default: str | None = None) -> str:
    text = value.get(key, default)
    if not isinstance(text, str):
        raise MalformedReply(f"{key!r} is missing or is not a string")
    return text


def _check_encodable(files: Files) -> None:
    try:
        for path, text in files.items():
            f"{path}{text}".encode()
    except UnicodeEncodeError:
        raise MalformedReply("the edits hold characters that are not valid Unicode text") from None
