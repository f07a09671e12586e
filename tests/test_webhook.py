"""Word to an address of the user's, against a real server: it arrives, or the reason comes back in time."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from orchestrator.webhook import send_word

SECRET = "a-secret-path"  # noqa: S105 - a part of an address


class Server(HTTPServer):
    """Answers every request with one status, and remembers what was posted where."""

    def __init__(self, status: int = 200) -> None:
        self.status, self.location = status, ""
        self.posted: list[tuple[str, str, dict[str, object]]] = []
        self.got: list[str] = []
        super().__init__(("127.0.0.1", 0), Answer)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/{SECRET}?token=x"

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class Answer(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append((self.path, self.headers["Content-Type"], json.loads(body)))
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.end_headers()

    def do_GET(self) -> None:
        self.server.got.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


def test_word_arrives_as_json(server: Server) -> None:
    assert send_word(server.url, {"event": "ended", "best": 1.5, "text": "é"}) == ""
    assert server.posted == [
        (f"/{SECRET}?token=x", "application/json", {"event": "ended", "best": 1.5, "text": "é"})
    ]


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_an_answer_that_is_none_is_said_with_its_status(server: Server, status: int) -> None:
    server.status = status
    assert send_word(server.url, {}) == f"it answered {status}"


def test_a_redirect_is_not_followed(server: Server) -> None:
    server.status, server.location = 302, server.url
    assert send_word(server.url, {}) == "it answered 302"
    assert len(server.posted) == 1
    assert server.got == []


def test_a_closed_port_is_said_without_the_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    problem = send_word(f"http://127.0.0.1:{port}/{SECRET}", {})
    assert problem == "it cannot be reached (ConnectionRefusedError)"


@pytest.mark.parametrize(
    "url", ["http://[", f"http://127.0.0.1:99999/{SECRET}", f"ftp://x/{SECRET}", "http://\x00/"]
)
def test_an_address_that_is_none_is_a_reason_and_no_error(url: str) -> None:
    problem = send_word(url, {})
    assert problem.startswith("it cannot be reached")
    assert SECRET not in problem


@pytest.mark.parametrize("drips", [False, True])
def test_a_server_that_never_ends_its_answer_costs_no_more_than_the_time(drips: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        done = threading.Event()

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                while not done.wait(0.1):
                    if drips:
                        connection.sendall(b"H")

        thread = threading.Thread(target=serve)
        thread.start()
        began = time.monotonic()
        problem = send_word(f"http://127.0.0.1:{listening.getsockname()[1]}/", {}, seconds=1.0)
        took = time.monotonic() - began
        done.set()
        thread.join()
    assert problem
    assert took < 4.0


def test_what_is_not_http_is_a_reason_and_no_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"\x00\x01 nonsense\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        problem = send_word(f"http://127.0.0.1:{listening.getsockname()[1]}/", {})
        thread.join()
    assert problem.startswith("it cannot be reached")
