"""What the scripted server answers, and how a message becomes one JSON object or the events of a stream."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

COUNTED: Mapping[str, Any] = {"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150}
PIECE_CHARACTERS = 5


@dataclass(frozen=True)
class Text:
    """A well-formed completion with this text. `echo_key` puts the caller's own key into it.

    `call` makes it the argument of a call of the first tool; `thought` is sent as `reasoning_content`.
    """

    content: str | None
    finish_reason: str = "stop"
    refusal: str | None = None
    usage: Mapping[str, Any] | None = field(default_factory=lambda: COUNTED)
    echo_key: bool = False
    call: bool = False
    thought: str = ""


@dataclass(frozen=True)
class Edit:
    """A proposal, in whatever form the request asks for. With no `search`, `replace` is the whole file."""

    title: str
    search: str
    replace: str
    kind: str = "size"
    hypothesis: str = "it helps"
    path: str = "train.py"
    usage: Mapping[str, Any] | None = field(default_factory=lambda: COUNTED)

    def answer(self, body: Mapping[str, Any]) -> Text:
        call = "tools" in body
        structured = call or "response_format" in body
        return Text(self._json() if structured else self._text(), call=call, usage=self.usage)

    def _json(self) -> str:
        change = (
            {"search": self.search, "replace": self.replace} if self.search else {"content": self.replace}
        )
        words = {"title": self.title, "kind": self.kind, "hypothesis": self.hypothesis}
        return json.dumps({**words, "edits": [{"path": self.path, **change}]})

    def _text(self) -> str:
        head = f"TITLE: {self.title}\nKIND: {self.kind}\nHYPOTHESIS: {self.hypothesis}\n{self.path}\n"
        if not self.search:
            return f"{head}```python\n{self.replace}```\n"
        return f"{head}<<<<<<< SEARCH\n{self.search}=======\n{self.replace}>>>>>>> REPLACE\n"


@dataclass(frozen=True)
class Status:
    """An error status with OpenAI's error object; the words may name {key}, the caller's own."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "something is wrong with {key}"


@dataclass(frozen=True)
class Raw:
    """These bytes with this status, type and encoding."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    encoding: str = "identity"


@dataclass(frozen=True)
class Slow:
    """Silence for a while, then the completion."""

    seconds: float
    content: str = "late"


@dataclass(frozen=True)
class Trickle:
    """A body that never ends: one space every `every` seconds, for at most `seconds`."""

    every: float
    seconds: float = 20.0


@dataclass(frozen=True)
class Flood:
    """A body without a length that is sent as fast as it is read, for at most `seconds`."""

    status: int = 200
    seconds: float = 20.0
    content_type: str = "application/json"
    piece: bytes = b" " * 65_536


@dataclass(frozen=True)
class Cut:
    """A connection closed after the first bytes of the body, or before any answer."""

    after: bytes = b""


@dataclass(frozen=True)
class Broken:
    """A stream that tells the first half of the text, and then is `cut` in the midst of its coding, is closed
    as if at its `end`, `stalls` for some seconds, or tells an `error` with this code."""

    how: Literal["cut", "end", "stalls", "error"]
    content: str = "TITLE: half a reply"
    seconds: float = 20.0
    code: int = 503


Reply = Text | Edit | Status | Raw | Slow | Trickle | Flood | Cut | Broken
Script = Sequence[Reply] | Callable[["Request"], Reply]


@dataclass(frozen=True)
class Request:
    """What the server was asked; header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: Any

    @property
    def text(self) -> str:
        """All message contents in one."""
        return "\n".join(message["content"] for message in self.body["messages"])

    @property
    def form(self) -> str:
        """In which form the reply is asked for: call, schema or text."""
        return "call" if "tools" in self.body else "schema" if "response_format" in self.body else "text"


def _message(reply: Text, text: str | None) -> dict[str, Any]:
    function = {"name": "propose", "arguments": text}
    calls = [{"index": 0, "id": "call_1", "type": "function", "function": function}]
    said = {"content": None, "tool_calls": calls} if reply.call else {"content": text}
    thought = {"reasoning_content": reply.thought} if reply.thought else {}
    return {"role": "assistant", "refusal": reply.refusal, **said, **thought}


def completion(reply: Text, text: str | None) -> bytes:
    choice = {"index": 0, "finish_reason": reply.finish_reason, "message": _message(reply, text)}
    counts = {} if reply.usage is None else {"usage": dict(reply.usage)}
    return dump({**_HEAD, "object": "chat.completion", "choices": [choice], **counts})


def events(reply: Text, text: str | None, counts: Mapping[str, Any] | None) -> Iterator[dict[str, Any]]:
    """The message bit by bit, then how it ended, then what it cost."""
    whole = text or ""
    pieces = [whole[at : at + PIECE_CHARACTERS] for at in range(0, len(whole), PIECE_CHARACTERS)]
    first = _message(reply, pieces[0] if pieces else None)
    deltas = [first, *(_delta(reply, piece) for piece in pieces[1:])]
    for delta in deltas:
        yield {**_CHUNK, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    if reply.finish_reason:
        yield {**_CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": reply.finish_reason}]}
    if counts is not None:
        yield {**_CHUNK, "choices": [], "usage": dict(counts)}


def _delta(reply: Text, piece: str) -> dict[str, Any]:
    if reply.call:
        return {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
    return {"content": piece}


_HEAD = {"id": "chatcmpl-1", "created": 1, "model": "test-model"}
_CHUNK = {**_HEAD, "object": "chat.completion.chunk"}


def dump(value: object) -> bytes:
    return json.dumps(value).encode()
