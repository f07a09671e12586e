"""A stand-in for the dataset hub that misbehaves on request, over real HTTP."""

from __future__ import annotations

import hashlib
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Hub(ThreadingHTTPServer):
    """Serves a dictionary of files as the hub does: a redirect that names the SHA-256, then the content.

    `faults` are taken one a request for content; when none is left, the server behaves.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), HubRequest)
        self.files: dict[str, bytes] = {}
        self.faults: deque[str] = deque()
        self.ranges: list[str | None] = []
        self.names_digest = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class HubRequest(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        """Say nothing."""

    def do_GET(self) -> None:
        name = urlsplit(self.path).path.removeprefix("/store")
        content = self.server.files.get(name)
        if content is None:
            self.answer(404, b"")
        elif not self.path.startswith("/store"):
            self.redirect(content)
        else:
            self.send_content(content)

    def redirect(self, content: bytes) -> None:
        headers = {"Location": f"/store{self.path}"}
        if self.server.names_digest:
            headers |= {"X-Linked-ETag": f'"{digest(content)}"', "X-Linked-Size": str(len(content))}
        self.answer(302, b"", headers)

    def send_content(self, content: bytes) -> None:
        fault = self.server.faults.popleft() if self.server.faults else ""
        wanted = self.headers.get("Range")
        self.server.ranges.append(wanted)
        etag = {"ETag": f'"{digest(content)[:16]}"'}
        if fault == "busy":
            return self.answer(503, b"busy", {"Retry-After": "0"})
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if wanted is None or fault == "ignores the range" or self.headers["If-Range"] != etag["ETag"]:
            return self.answer(200, content, etag, fault)
        if start >= len(content):
            return self.answer(416, b"")
        place = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        return self.answer(206, content[start:], etag | place, fault)

    def answer(self, code: int, body: bytes, headers: dict[str, str] | None = None, fault: str = "") -> None:
        declared = {"says less": len(body) // 2, "says more": len(body) + 1000}.get(fault, len(body))
        sent = body[: len(body) // 2] if fault == "cuts" else body[:declared]
        if fault == "damages":
            sent = bytes(len(body))
        self.send_response(code)
        for name, value in {"Content-Length": str(declared), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(sent)
        self.close_connection = self.close_connection or len(sent) != len(body) or declared != len(body)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
