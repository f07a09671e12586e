"""The dashboard's web server: one page, on the loopback address, for readers alone.

The only place that knows the web framework, and that is asynchronous. A page is told what it lacks whenever
it has taken what it was sent before, so that one that is slow keeps nobody waiting and nothing in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator.errors import SetupError
from orchestrator.views.board import Board, Draft, encode

ADDRESS = "127.0.0.1"
FIRST_PORT = 8765
PORTS_TRIED = 20
HIGHEST_PORT = 65_535
LOOK_SECONDS = 0.5
PING_SECONDS = 15.0
RETRY_MILLISECONDS = 1000
FILES = Path(__file__).parent / "dashboard"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_CURSOR = re.compile(r"([0-9a-f]{8})-([0-9]{1,15})")
_OURS = re.compile(rb"(127\.0\.0\.1|localhost)(:[0-9]{1,5})?", re.IGNORECASE)
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
_RAW_HEADERS = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]


class Source(Protocol):
    """What is shown. `look` is called by one thread at a time, the others by any."""

    def look(self) -> Draft | None: ...

    def attempt(self, number: int) -> Mapping[str, Any]: ...

    def compare(self, before: int, after: int) -> Mapping[str, Any]: ...


def listen(port: int | None) -> socket.socket:
    """A listening socket on the loopback address: at this port, or the first free one of a few.

    Raises SetupError.
    """
    wanted = range(FIRST_PORT, FIRST_PORT + PORTS_TRIED) if port is None else [port]
    for each in wanted:
        if 0 <= each <= HIGHEST_PORT:
            with contextlib.suppress(OSError):
                return socket.create_server((ADDRESS, each))
    which = f"port {port}" if port is not None else f"each port from {wanted[0]} to {wanted[-1]}"
    message = f"{which} of {ADDRESS} is in use or not for us"
    raise SetupError(message, remedy="name another one: --port N")


def serve(source: Source, listener: socket.socket, first: Draft | None) -> None:
    """Serve until the process is told to end; `first` is what the source's first look gave."""
    site = Site(source)
    if first:
        site.board.take(first)
    settings = uvicorn.Config(
        site.app(),
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_level="error",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    try:
        asyncio.run(_run(uvicorn.Server(settings), site, listener))
    except KeyboardInterrupt:
        return


async def _run(server: uvicorn.Server, site: Site, listener: socket.socket) -> None:
    following = asyncio.create_task(site.follow(server))
    await server.serve(sockets=[listener])
    await following


class Site:
    """The routes, and the board that every page is told from."""

    def __init__(self, source: Source) -> None:
        self.board = Board()
        self._source = source
        self._news = asyncio.Event()
        self._closing = False
        self._files = {path.name: path.read_bytes() for path in FILES.iterdir() if path.suffix in KINDS}

    async def follow(self, server: uvicorn.Server) -> None:
        """Look at the source until the server is to end. A fault of ours ends the server too."""
        try:
            while not server.should_exit:
                await asyncio.sleep(LOOK_SECONDS)
                if draft := await asyncio.to_thread(self._source.look):
                    self.board.take(draft)
                    self._wake()
        finally:
            server.should_exit = self._closing = True
            self._wake()

    def app(self) -> ASGIApp:
        """The routes behind the guard."""
        return guarded(
            Starlette(
                routes=[
                    Route("/events", self._events),
                    Route("/attempts/{number:int}", self._attempt),
                    Route("/compare/{before:int}/{after:int}", self._compare),
                    Route("/{name:path}", self._file),
                ]
            )
        )

    def _file(self, request: Request) -> Response:
        name = request.path_params["name"] or "index.html"
        if name not in self._files:
            return PlainTextResponse("there is no such page", 404)
        return Response(self._files[name], headers={"content-type": KINDS[Path(name).suffix]})

    def _attempt(self, request: Request) -> Response:
        return _json(lambda: self._source.attempt(request.path_params["number"]))

    def _compare(self, request: Request) -> Response:
        asked = request.path_params
        return _json(lambda: self._source.compare(asked["before"], asked["after"]))

    async def _events(self, request: Request) -> Response:
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        said = request.headers.get("last-event-id") or request.query_params.get("since", "")
        found = _CURSOR.fullmatch(said)
        name, version = (found[1], int(found[2])) if found else ("", 0)
        return StreamingResponse(self._tell(name, version), media_type="text/event-stream")

    async def _tell(self, name: str, version: int) -> AsyncIterator[bytes]:
        """What a page lacks that stands at a version of the board of that name, and then what is new."""
        yield b"retry: %d\n\n" % RETRY_MILLISECONDS
        head = b""
        while not self._closing:
            news = self._news
            if name != self.board.name:
                name, version, head = self.board.name, 0, b""
                yield _event("reset", b"{}")
            if head is not self.board.head:
                head = self.board.head
                yield _event("head", head)
            update = self.board.since(version)
            version = update.version
            cursor = f"{name}-{version}"
            if update.rows:
                yield _event("rows", b"[%s]" % b",".join(update.rows), cursor)
                continue
            yield _event("ready", b"{}", cursor)
            while not await _happens(news):
                yield b": still here\n\n"

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def guarded(app: ASGIApp) -> ASGIApp:
    """Let through what reads and was asked of this machine by its own name; put the headers on every answer.

    A foreign name that resolves to the loopback address is how another page would read this one.
    """

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_RAW_HEADERS]
            await send(message)

        answer = app
        if not _is_ours(scope):
            answer = PlainTextResponse("this page is read at 127.0.0.1 or localhost", 421)
        elif scope["method"] not in {"GET", "HEAD"}:
            answer = PlainTextResponse("this page is for reading", 405, {"allow": "GET, HEAD"})
        await answer(scope, receive, send_with_headers)

    return guard


def _is_ours(scope: Scope) -> bool:
    """Any port will do: the page may be read through a tunnel."""
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    return len(hosts) == 1 and _OURS.fullmatch(hosts[0]) is not None


async def _happens(news: asyncio.Event) -> bool:
    """Whether there is news before it is time for a sign of life."""
    try:
        await asyncio.wait_for(news.wait(), PING_SECONDS)
    except TimeoutError:
        return False
    return True


def _json(read: Callable[[], Mapping[str, Any]]) -> Response:
    try:
        return Response(encode(read()), media_type="application/json")
    except IndexError:
        return PlainTextResponse("there is no such attempt", 404)


def _event(name: str, data: bytes, cursor: str = "") -> bytes:
    """One server-sent event; JSON on one line needs no more than this."""
    told = f"event: {name}\n" + (f"id: {cursor}\n" if cursor else "")
    return told.encode("ascii") + b"data: " + data + b"\n\n"
