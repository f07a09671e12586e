"""What an endpoint answered, as a value: one JSON object, or the events of a stream put together again.

Nothing in it is trusted: every field may be missing, of another type, or absurd. What the model thought aloud
(`reasoning_content`, `reasoning`) is measured and dropped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from orchestrator.exchange import Exchange
from orchestrator.records import Usage

MAX_ANSWER_BYTES = 8 * 1024 * 1024
MOST_TOKENS = 1_000_000_000
MOST_CALLS = 16
TOO_MANY = "too many for a chat completion"
_DONE = b"[DONE]"


class NotACompletion(Exception):  # noqa: N818 - the endpoint's doing, told as a fault
    """The bytes are no chat completion; the message ends a sentence that begins with who sent them."""


class StreamEnded(Exception):  # noqa: N818 - the endpoint's doing, told as a fault
    """A stream broke off, or told an error: its words, and whether asking again would end the same way."""

    def __init__(self, words: object = "", code: object = 0) -> None:
        super().__init__("a stream broke off")
        self.words = words if isinstance(words, str) else ""
        self.lasting = type(code) is int and 400 <= code < 500 and code not in {408, 409, 429}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said, and how the endpoint says that it ended.

    `text` is the argument of the tool's call where there was one, else the message; `calls` counts them.
    `thought_bytes` is the length of what it thought aloud; `exchange` is what was asked and answered, without
    secrets.
    """

    text: str
    finish_reason: str
    refusal: str
    usage: Usage
    calls: int = 0
    thought_bytes: int = 0
    exchange: Exchange = Exchange((), "")  # noqa: RUF009 - frozen


@dataclass(slots=True)
class Completion:
    """One message as it arrives, at once or bit by bit."""

    content: StringIO = field(default_factory=StringIO)
    refusal: StringIO = field(default_factory=StringIO)
    calls: dict[int, StringIO] = field(default_factory=dict)
    finish_reason: str = ""
    counts: Mapping[str, Any] = field(default_factory=dict)
    thought_bytes: int = 0
    _kept: int = 0

    def take(self, value: object, part: str) -> None:
        """Add a whole completion (`part` is message) or one event of a stream (delta)."""
        if not isinstance(value, dict):
            raise NotACompletion("which is JSON but not a chat completion")
        counts = value.get("usage")
        self.counts = counts if isinstance(counts, dict) else self.counts
        choices = value.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        message = choice.get(part) if isinstance(choice, dict) else None
        if isinstance(choice, dict) and isinstance(message, dict):
            self.finish_reason = _text(choice.get("finish_reason")) or self.finish_reason
            self._add(message)
        elif part == "message":
            raise NotACompletion("which is JSON but not a chat completion")

    def _add(self, message: dict[str, Any]) -> None:
        self._keep(self.content, _text(message.get("content")))
        self._keep(self.refusal, _text(message.get("refusal")))
        thought = _text(message.get("reasoning_content")) or _text(message.get("reasoning"))
        self.thought_bytes += len(thought.encode(errors="replace"))
        calls = message.get("tool_calls")
        for place, call in enumerate(calls[:MOST_CALLS] if isinstance(calls, list) else ()):
            if isinstance(call, dict) and isinstance(call.get("function"), dict):
                argument = self.calls.setdefault(_index(call.get("index"), place), StringIO())
                self._keep(argument, _argument(call["function"].get("arguments")))

    def _keep(self, into: StringIO, text: str) -> None:
        self._kept += len(text)
        if self._kept > MAX_ANSWER_BYTES:
            raise NotACompletion(TOO_MANY)
        into.write(text)

    def answer(self, requests: int) -> Answer:
        first = min(self.calls, default=None)
        said = self.content if first is None else self.calls[first]
        return Answer(
            text=said.getvalue(),
            finish_reason=self.finish_reason,
            refusal=self.refusal.getvalue(),
            usage=_usage(self.counts, requests),
            calls=len(self.calls),
            thought_bytes=self.thought_bytes,
        )


def read_whole(content: bytes) -> Completion:
    """Raises NotACompletion."""
    if len(content) > MAX_ANSWER_BYTES:
        raise NotACompletion(TOO_MANY)
    completion = Completion()
    completion.take(_parsed(content), "message")
    return completion


def read_stream(chunks: Iterable[bytes]) -> Completion:
    """Put the events together until the stream says that it is done.

    Raises NotACompletion for what is none, StreamEnded where it broke off or told an error.
    """
    completion = Completion()
    for data in _data_lines(chunks):
        if data == _DONE:
            return completion
        event = _parsed(data)
        if isinstance(event, dict) and event.get("error"):
            error = event["error"]
            known = error if isinstance(error, dict) else {"message": error}
            raise StreamEnded(known.get("message"), known.get("code"))
        completion.take(event, "delta")
    if not completion.finish_reason:
        raise StreamEnded
    return completion


def _data_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """What stands behind each `data:` of server-sent events; comments and other fields are passed over."""
    rest = bytearray()
    for chunk in chunks:
        rest += chunk
        if b"\n" in chunk:
            *lines, rest = rest.split(b"\n")
            yield from (bytes(line[5:].strip()) for line in lines if line.startswith(b"data:"))
        if len(rest) > MAX_ANSWER_BYTES:
            raise NotACompletion(TOO_MANY)
    if rest.startswith(b"data:"):
        yield bytes(rest[5:].strip())


def _parsed(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise NotACompletion("which is not JSON") from None


def _text(value: object) -> str:
    """A string as it is; the texts of a list of parts, as some servers send; else empty."""
    if isinstance(value, list):
        return "".join(_text(part.get("text")) for part in value if isinstance(part, dict))
    return value if isinstance(value, str) else ""


def _index(value: object, place: int) -> int:
    return value if type(value) is int and 0 <= value < MOST_CALLS else place


def _argument(value: object) -> str:
    """The argument of a call: text that holds JSON, or that JSON itself, as some servers send."""
    return json.dumps(value) if isinstance(value, dict) else _text(value)


def _usage(counts: Mapping[str, Any], requests: int) -> Usage:
    """What the endpoint counted. Tokens of thinking are among the completion's, else in the total alone."""
    prompt, completion = _count(counts.get("prompt_tokens")), _count(counts.get("completion_tokens"))
    unnamed = _count(counts.get("total_tokens")) - prompt
    details = counts.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    cached = _count(cached) or _count(counts.get("prompt_cache_hit_tokens"))
    return Usage(requests, prompt, max(completion, unnamed), min(cached, prompt))


def _count(value: object) -> int:
    """A count that a request can have cost; anything else, and absurd ones, count as nothing."""
    return value if type(value) is int and 0 <= value <= MOST_TOKENS else 0
