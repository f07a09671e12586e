"""The dashboard as it is started, for tests that talk to it by HTTP or through a browser."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LONGEST_WAIT = 60.0


@dataclass(frozen=True)
class Page:
    """A dashboard that answers."""

    port: int
    process: subprocess.Popen[str]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def ask(
        self, path: str = "/", method: str = "GET", headers: Mapping[str, str] | None = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """One real request; a given Host replaces the usual one."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONGEST_WAIT)
        try:
            connection.request(method, path, headers=dict(headers or {}))
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    @contextmanager
    def events(self, cursor: str = "") -> Iterator[Iterator[tuple[str, Any, str]]]:
        """The stream of events: each one's name, data and the cursor after it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONGEST_WAIT)
        try:
            connection.request("GET", "/events", headers={"Last-Event-ID": cursor} if cursor else {})
            yield _events(connection.getresponse())
        finally:
            connection.close()


def _events(response: http.client.HTTPResponse) -> Iterator[tuple[str, Any, str]]:
    fields: dict[str, str] = {}
    while line := response.readline().decode():
        name, _, text = line.rstrip("\n").partition(": ")
        if name:
            fields[name] = text
        elif "event" in fields:
            yield fields["event"], json.loads(fields["data"]), fields.get("id", "")
            fields = {}


@contextmanager
def dashboard(runs: Path, *words: str) -> Iterator[Page]:
    """`autoresearch dashboard` at a free port, ended by Ctrl-C."""
    command = [sys.executable, "-m", "orchestrator", "dashboard", "--port", "0", *words]
    environment = {**os.environ, "AUTORESEARCH_RUNS": str(runs), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", said)
        assert found, said or (process.stderr and process.stderr.read())
        yield Page(int(found[1]), process)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LONGEST_WAIT)
