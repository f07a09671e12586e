"""A model's text reply, read strictly: a title, a hypothesis, and edits, or one problem.

Two forms are accepted, since models write either:

    TITLE: one line                              {"title": "...", "kind": "...", "hypothesis": "...",
    KIND: one or two words                        "edits": [{"path": "train.py",
    HYPOTHESIS: one sentence                                "search": "...", "replace": "..."},
    train.py                                                {"path": "train.py", "content": "..."}]}
    <<<<<<< SEARCH
    old lines
    =======
    new lines
    >>>>>>> REPLACE

A path line followed by a fenced block gives a whole file. The JSON form is also the argument of a tool call;
the kind may be left out.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.proposers.blocks import has_search_marks, read_blocks, text_before_blocks
from orchestrator.proposers.edits import Edit, MalformedReply, Replace, Rewrite, apply_edits
from orchestrator.records import Files, Proposal, Usage
from orchestrator.text import sanitise_line

MAX_REPLY_CHARACTERS = 1_000_000
TITLE_CHARACTERS = 200
HYPOTHESIS_CHARACTERS = 600
KIND_CHARACTERS = 40
PROBLEM_CHARACTERS = 1000
UNTITLED = "untitled change"

_THINKING = re.compile(r"\A\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
_THOUGHT_END = re.compile(r"^.*</think(?:ing)?>[ \t]*$", re.MULTILINE)  # its beginning was in the prompt
_LABEL = r"^[#*_\s>-]*(?:{names})[*_\s]*:[*_\s]*(?P<text>\S.*?)[*_\s]*$"
_TITLE = re.compile(_LABEL.format(names="title|description"), re.IGNORECASE | re.MULTILINE)
_KIND = re.compile(_LABEL.format(names="kind"), re.IGNORECASE | re.MULTILINE)
_HYPOTHESIS = re.compile(_LABEL.format(names="hypothesis"), re.IGNORECASE | re.MULTILINE)
_JSON_FENCE = re.compile(r"^```json[ \t]*\n(?P<body>.*)^```[ \t]*$", re.DOTALL | re.MULTILINE | re.IGNORECASE)

_JSON_AFTER_WORDS = re.compile(
    r"^(?P<body>\{\s*\"(?:title|kind|hypothesis|edits)\".*)", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model said, before it is held against the files."""

    title: str
    hypothesis: str
    edits: tuple[Edit, ...]
    kind: str = ""


def read_reply(text: str, base: Files, *, proposer: str, usage: Usage | None = None) -> Proposal:
    """The reply as a proposal against `base`; a malformed one has no files and says why in `problem`."""
    spent = usage or Usage()
    read = Proposal(UNTITLED, {}, proposer=proposer, usage=spent)
    try:
        reply = parse_reply(text, base)
        read = replace(read, title=reply.title, hypothesis=reply.hypothesis, kind=reply.kind)
        files = apply_edits(reply.edits, base)
        _check_encodable(files)
    except MalformedReply as fault:
        return replace(read, problem=sanitise_line(str(fault), PROBLEM_CHARACTERS))
    return replace(read, files=files)


def parse_reply(text: str, base: Files) -> Reply:
    """Read either form. Raises MalformedReply for anything that is ambiguous or broken."""
    if len(text) > MAX_REPLY_CHARACTERS:
        raise MalformedReply(f"the reply has {len(text)} characters, more than {MAX_REPLY_CHARACTERS}")
    plain = without_thinking(text.replace("\r\n", "\n").replace("\r", "\n")).strip("\n\ufeff ")
    if not plain:
        raise MalformedReply("the reply is empty")
    body = _json_body(plain)
    return _from_json(body) if body is not None else _from_text(plain, base)


def without_thinking(text: str) -> str:
    """The text after what the model thought aloud, which some servers leave in it, with its start or not."""
    if "<think" in text:
        return _THINKING.sub("", text)
    end = _THOUGHT_END.search(text)
    return text[end.end() :] if end else text


def _from_text(text: str, base: Files) -> Reply:
    edits = read_blocks(text, base)
    if not edits:
        raise MalformedReply(f"the reply holds no edit; it starts {text[:80]!r}")
    return Reply(
        _labelled(_TITLE, text, TITLE_CHARACTERS) or UNTITLED,
        _labelled(_HYPOTHESIS, text, HYPOTHESIS_CHARACTERS),
        edits,
        _labelled(_KIND, text_before_blocks(text), KIND_CHARACTERS).lower(),
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
    title, kind, hypothesis = (_string(value, key, default="") for key in ("title", "kind", "hypothesis"))
    return Reply(
        sanitise_line(title, TITLE_CHARACTERS) or UNTITLED,
        sanitise_line(hypothesis, HYPOTHESIS_CHARACTERS),
        tuple(_edit(item, place) for place, item in enumerate(edits, 1)),
        sanitise_line(kind, KIND_CHARACTERS).lower(),
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
    keys = {key for key, given in item.items() if given is not None} - {"path"}
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
