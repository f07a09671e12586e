"""A real HTTP server that speaks OpenAI's chat completions, scripted answer by answer.

    with OpenAIServer([Text("TITLE: ..."), Status(429, {"Retry-After": "1"}), Raw(b"<html>")]) as server:
        ... Endpoint(base_url=server.base_url, ...)
    server.requests[0].body["messages"]

The last answer repeats; instead of a list, a function from Request to Reply may decide. Everything that was
asked is kept in `requests`, and what went to any other path in `others`.

- A request with `stream` is answered by server-sent events, in pieces of a few characters.
- `Edit` answers in the form that the request asks for: a tool call, JSON by a schema, or text.
- `lacks={"tools": Status(400, message="no tools")}` refuses each request whose body has that key, before the
  script is asked.
- `latency_seconds` is the silence before every answer; Status(429, {"Retry-After": "2"}) limits the rate.
- `Text(usage=None)` counts nothing, `usage={...}` counts just that; the default counts 120 and 30 tokens.
- `ollama=True` answers Ollama's own /api/generate, as a server with the model loaded does.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
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


class OpenAIServer:
    """Serves on a free port of 127.0.0.1 while the context is open."""

    def __init__(
        self,
        script: Script,
        *,
        lacks: Mapping[str, Status] | None = None,
        latency_seconds: float = 0.0,
        ollama: bool = False,
    ) -> None:
        self.script = script
        self.lacks = dict(lacks or {})
        self.latency_seconds = latency_seconds
        self.ollama = ollama
        self.requests: list[Request] = []
        self.others: list[Request] = []
        self._taken = 0
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def take(self, request: Request) -> Reply:
        with self._lock:
            if not request.path.endswith("/chat/completions"):
                self.others.append(request)
                return Raw(b'{"done": true}') if self.ollama else Status(404)
            self.requests.append(request)
            lacking = [status for key, status in self.lacks.items() if key in request.body]
            return lacking[0] if lacking else self._next(request)

    def _next(self, request: Request) -> Reply:
        if callable(self.script):
            return self.script(request)
        self._taken += 1
        return self.script[min(self._taken, len(self.script)) - 1]

    def wait(self, seconds: float) -> bool:
        """Sleep, but not past the end of the test; whether the server goes on."""
        return not self._closing.wait(seconds)

    def __enter__(self) -> OpenAIServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    """Hands the script to the handlers."""

    daemon_threads = True

    def __init__(self, script: OpenAIServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Say nothing on the console."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.path, headers, json.loads(body))
        reply = self.server.script.take(request)
        try:
            if self.server.script.wait(self.server.script.latency_seconds):
                self._answer(reply, request)
        except OSError:
            self.close_connection = True  # the client has gone, as some tests make it

    def _answer(self, reply: Reply, request: Request) -> None:
        match reply:
            case Text():
                self._complete(reply, request)
            case Edit():
                self._complete(reply.answer(request.body), request)
            case Slow():
                if self.server.script.wait(reply.seconds):
                    self._complete(Text(reply.content), request)
            case _:
                self._misbehave(reply)

    def _misbehave(self, reply: Status | Raw | Trickle | Flood | Cut | Broken) -> None:
        match reply:
            case Status():
                words = reply.message.format(key=self._key())
                self._send(reply.status, _dump({"error": {"message": words}}), reply.headers)
            case Raw():
                kind = {"Content-Type": reply.content_type, "Content-Encoding": reply.encoding}
                self._send(reply.status, reply.body, kind)
            case Trickle():
                self._trickle(reply)
            case Flood():
                self._flood(reply)
            case Cut():
                self._cut(reply)
            case Broken():
                self._break_off(reply)

    def _key(self) -> str:
        return str(self.headers.get("authorization", "")).removeprefix("Bearer ")

    def _complete(self, reply: Text, request: Request) -> None:
        text = f"{reply.content} {self._key()}" if reply.echo_key else reply.content
        if not request.body.get("stream"):
            self._send(200, _completion(reply, text))
            return
        counts = reply.usage if request.body.get("stream_options") else None
        self._head(200, None, {"Content-Type": "text/event-stream"})
        for event in _events(reply, text, counts):
            self._chunk(b"data: " + _dump(event) + b"\n\n")
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _head(self, status: int, length: int | None, headers: Mapping[str, str] | None = None) -> None:
        """The head of an answer; without a length it is sent in chunks."""
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        name, value = ("Transfer-Encoding", "chunked") if length is None else ("Content-Length", str(length))
        self.send_header(name, value)
        self.end_headers()

    def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self._head(status, len(body), headers)
        self.wfile.write(body)

    def _trickle(self, reply: Trickle) -> None:
        self._head(200, 1_000_000)
        until = time.monotonic() + reply.seconds
        while time.monotonic() < until and self.server.script.wait(reply.every):
            self.wfile.write(b" ")
        self.close_connection = True

    def _flood(self, reply: Flood) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Connection", "close")
        self.end_headers()
        until = time.monotonic() + reply.seconds
        while time.monotonic() < until and self.server.script.wait(0):
            self.wfile.write(reply.piece)

    def _cut(self, reply: Cut) -> None:
        if reply.after:
            self._head(200, len(reply.after) + 1000)
            self.wfile.write(reply.after)
        self.close_connection = True

    def _break_off(self, reply: Broken) -> None:
        self._head(200, None, {"Content-Type": "text/event-stream"})
        half = Text(reply.content[: len(reply.content) // 2], finish_reason="")
        for event in _events(half, half.content, None):
            self._chunk(b"data: " + _dump(event) + b"\n\n")
        if reply.how == "error":
            error = {"message": f"the engine died, {self._key()}", "code": reply.code}
            self._chunk(b"data: " + _dump({"error": error}) + b"\n\n")
        if reply.how in {"end", "error"}:
            self._chunk(b"")
        if reply.how == "stalls":
            self.server.script.wait(reply.seconds)
        self.close_connection = True


def _message(reply: Text, text: str | None) -> dict[str, Any]:
    function = {"name": "propose", "arguments": text}
    calls = [{"index": 0, "id": "call_1", "type": "function", "function": function}]
    said = {"content": None, "tool_calls": calls} if reply.call else {"content": text}
    thought = {"reasoning_content": reply.thought} if reply.thought else {}
    return {"role": "assistant", "refusal": reply.refusal, **said, **thought}


def _completion(reply: Text, text: str | None) -> bytes:
    choice = {"index": 0, "finish_reason": reply.finish_reason, "message": _message(reply, text)}
    counts = {} if reply.usage is None else {"usage": dict(reply.usage)}
    return _dump({**_HEAD, "object": "chat.completion", "choices": [choice], **counts})


def _events(reply: Text, text: str | None, counts: Mapping[str, Any] | None) -> Iterator[dict[str, Any]]:
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


def _dump(value: object) -> bytes:
    return json.dumps(value).encode()
