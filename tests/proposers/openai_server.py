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
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from tests.proposers.openai_script import (
    Broken,
    Cut,
    Edit,
    Flood,
    Raw,
    Reply,
    Request,
    Script,
    Slow,
    Status,
    Text,
    Trickle,
    completion,
    dump,
    events,
)

__all__ = [
    "Broken", "Cut", "Edit", "Flood", "OpenAIServer", "Raw", "Reply", "Request", "Script", "Slow", "Status",
    "Text", "Trickle",
]  # fmt: skip


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
                self._send(reply.status, dump({"error": {"message": words}}), reply.headers)
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
            self._send(200, completion(reply, text))
            return
        counts = reply.usage if request.body.get("stream_options") else None
        self._head(200, None, {"Content-Type": "text/event-stream"})
        for event in events(reply, text, counts):
            self._chunk(b"data: " + dump(event) + b"\n\n")
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
        for event in events(half, half.content, None):
            self._chunk(b"data: " + dump(event) + b"\n\n")
        if reply.how == "error":
            error = {"message": f"the engine died, {self._key()}", "code": reply.code}
            self._chunk(b"data: " + dump({"error": error}) + b"\n\n")
        if reply.how in {"end", "error"}:
            self._chunk(b"")
        if reply.how == "stalls":
            self.server.script.wait(reply.seconds)
        self.close_connection = True
