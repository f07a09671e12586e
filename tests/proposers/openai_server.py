"""A real HTTP server that speaks OpenAI's chat completions, scripted answer by answer.

    with OpenAIServer([Text("TITLE: ..."), Status(429, {"Retry-After": "1"}), Raw(b"<html>")]) as server:
        ... Endpoint(base_url=server.base_url, ...)
    server.requests[0].body["messages"]

The last answer repeats. Everything that was asked is kept in `requests`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class Text:
    """A well-formed completion with this text. `echo_key` puts the caller's own key into it."""

    content: str | None
    finish_reason: str = "stop"
    refusal: str | None = None
    prompt_tokens: int = 120
    completion_tokens: int = 30
    echo_key: bool = False


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


@dataclass(frozen=True)
class Cut:
    """A connection closed after the first bytes of the body, or before any answer."""

    after: bytes = b""


Reply = Text | Status | Raw | Slow | Trickle | Flood | Cut


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


class OpenAIServer:
    """Serves on a free port of 127.0.0.1 while the context is open."""

    def __init__(self, script: Sequence[Reply]) -> None:
        self.script = list(script)
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def take(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            return self.script[min(len(self.requests), len(self.script)) - 1]

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
        reply = self.server.script.take(Request(self.path, headers, json.loads(body)))
        try:
            self._answer(reply)
        except OSError:
            self.close_connection = True  # the client has gone, as some tests make it

    def _answer(self, reply: Reply) -> None:
        match reply:
            case Text():
                self._send(200, _completion(reply, self._key()))
            case Status():
                words = reply.message.format(key=self._key())
                self._send(reply.status, _dump({"error": {"message": words}}), reply.headers)
            case Raw():
                kind = {"Content-Type": reply.content_type, "Content-Encoding": reply.encoding}
                self._send(reply.status, reply.body, kind)
            case Slow():
                if self.server.script.wait(reply.seconds):
                    self._send(200, _completion(Text(reply.content), ""))
            case Trickle():
                self._trickle(reply)
            case Flood():
                self._flood(reply)
            case Cut():
                self._cut(reply)

    def _key(self) -> str:
        return str(self.headers.get("authorization", "")).removeprefix("Bearer ")

    def _head(self, status: int, length: int, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
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
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        until, spaces = time.monotonic() + reply.seconds, b" " * 65_536
        while time.monotonic() < until and self.server.script.wait(0):
            self.wfile.write(spaces)

    def _cut(self, reply: Cut) -> None:
        if reply.after:
            self._head(200, len(reply.after) + 1000)
            self.wfile.write(reply.after)
        self.close_connection = True


def _completion(reply: Text, key: str) -> bytes:
    content = f"{reply.content} {key}" if reply.echo_key else reply.content
    return _dump(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "test-model",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": reply.finish_reason,
                    "message": {"role": "assistant", "content": content, "refusal": reply.refusal},
                }
            ],
            "usage": {
                "prompt_tokens": reply.prompt_tokens,
                "completion_tokens": reply.completion_tokens,
                "total_tokens": reply.prompt_tokens + reply.completion_tokens,
            },
        }
    )


def _dump(value: object) -> bytes:
    return json.dumps(value).encode()
