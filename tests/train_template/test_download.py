"""Downloads against a real HTTP server that misbehaves on request."""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import re
from collections import deque
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

corpus = importlib.import_module("corpus")
download = importlib.import_module("corpus.download")
prepare = importlib.import_module("prepare")
sources = importlib.import_module("corpus.sources")


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


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def parquet(texts: list[str]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"text": texts}), buffer, compression="none")
    return buffer.getvalue()


SHARD = parquet([f"text {number} " * 40 for number in range(2000)])


def fetch(hub: Hub, path: Path) -> bytes:
    hub.files["/a.parquet"] = SHARD
    check = sources._check_parquet
    download.download(f"{hub.url}/a.parquet", path, check=check, report=lambda *_: None, first_wait=0.01)
    return path.read_bytes()


def test_a_file_comes_whole_and_leaves_nothing_beside_it(hub: Hub, tmp_path: Path) -> None:
    assert fetch(hub, tmp_path / "a.parquet") == SHARD
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_a_cut_connection_is_resumed_where_it_ended(hub: Hub, tmp_path: Path) -> None:
    hub.faults.extend(["cuts", "cuts"])
    assert fetch(hub, tmp_path / "a.parquet") == SHARD
    half = len(SHARD) // 2
    assert hub.ranges == [None, f"bytes={half}-", f"bytes={half + (len(SHARD) - half) // 2}-"]


def test_more_cuts_than_tries_do_not_matter_while_there_is_progress(hub: Hub, tmp_path: Path) -> None:
    hub.faults.extend(["cuts"] * (download.FAILURES_IN_A_ROW + 4))
    assert fetch(hub, tmp_path / "a.parquet") == SHARD


@pytest.mark.parametrize("with_digest", [True, False])
@pytest.mark.parametrize(
    "faults",
    [
        ["busy", "busy"],
        ["cuts", "ignores the range"],
        ["says less"],
        ["says more"],
        ["damages"],
        ["cuts", "damages"],
        ["cuts", "busy", "cuts", "says more"],
    ],
    ids=" then ".join,
)
def test_the_file_is_right_after_any_fault(
    hub: Hub, tmp_path: Path, faults: list[str], with_digest: bool
) -> None:
    hub.names_digest = with_digest
    hub.faults.extend(faults)
    assert fetch(hub, tmp_path / "a.parquet") == SHARD
    assert not hub.faults
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_a_file_that_changed_on_the_server_is_not_glued_to_the_old_half(hub: Hub, tmp_path: Path) -> None:
    other = parquet([f"other {number} " * 40 for number in range(2000)])
    (tmp_path / "a.parquet.part").write_bytes(other[: len(other) // 2])
    (tmp_path / "a.parquet.part.etag").write_text(f'"{digest(other)[:16]}"')
    assert fetch(hub, tmp_path / "a.parquet") == SHARD
    assert hub.ranges == [f"bytes={len(other) // 2}-"]


@pytest.mark.parametrize("fault", ["busy", "damages", "says less"])
def test_a_fault_that_does_not_end_is_reported(hub: Hub, tmp_path: Path, fault: str) -> None:
    hub.faults.extend([fault] * 50)
    with pytest.raises(corpus.DataError, match="then run again"):
        fetch(hub, tmp_path / "a.parquet")
    assert not (tmp_path / "a.parquet").exists()


def test_a_missing_file_is_reported_at_once(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(corpus.DataError, match="404"):
        download.download(f"{hub.url}/none", tmp_path / "x", check=lambda _: None, report=lambda *_: None)


def test_a_server_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(corpus.DataError, match="the connection failed"):
        download.download(
            "http://127.0.0.1:9/a",
            tmp_path / "x",
            check=lambda _: None,
            report=lambda *_: None,
            first_wait=0.001,
        )


def stories(name: str, count: int) -> list[str]:
    """Texts that share no 50 bytes with one another."""
    return [
        " ".join(digest(f"{name} {number} {word}".encode())[:9] for word in range(60))
        for number in range(count)
    ]


def run_prepare(*arguments: str | Path) -> tuple[int, str]:
    err = io.StringIO()
    with redirect_stdout(io.StringIO()), redirect_stderr(err):
        code = prepare.main(["--vocab-size", "300", *(str(each) for each in arguments)])
    return code, err.getvalue()


def test_climbmix_holds_out_the_pinned_shard_alone(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTORESEARCH_DATA_URL", hub.url)
    first, second, pinned = stories("first", 60), stories("second", 60), stories("pinned", 40)
    shards = {0: first, 1: second, 6542: [*pinned, first[0], second[0]]}
    for number, texts in shards.items():
        hub.files[f"/{sources.CLIMBMIX}/shard_{number:05d}.parquet"] = parquet(texts)
    hub.faults.extend(["cuts", "busy"])
    out = tmp_path / "data" / "climbmix-300"
    assert run_prepare("--source", "climbmix", "--shards", "2", "--out", out) == (0, "")
    documents = json.loads((out / "manifest.json").read_text())["documents"]
    assert documents["kept"]["train"] == 120
    assert documents["kept"]["val"] + documents["kept"]["holdout"] == 40
    assert min(documents["kept"].values()) > 5
    assert documents["duplicate"] == 2
    requests = len(hub.ranges)
    assert run_prepare("--source", "climbmix", "--shards", "2", "--out", out) == (0, "")
    assert len(hub.ranges) == requests


def test_tinystories_comes_in_its_four_files(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTORESEARCH_DATA_URL", hub.url)
    for name in sources.TINYSTORIES_FILES:
        hub.files[f"/{sources.TINYSTORIES}/{name}"] = parquet(stories(name, 50))
    out = tmp_path / "data" / "tinystories-300"
    assert run_prepare("--source", "tinystories", "--out", out) == (0, "")
    assert json.loads((out / "manifest.json").read_text())["documents"]["read"] == 200
    assert len(list((tmp_path / "data" / "downloads" / "tinystories").iterdir())) == 4


def test_a_shard_that_is_not_there_is_one_line_and_exit_2(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTORESEARCH_DATA_URL", hub.url)
    code, err = run_prepare("--source", "climbmix", "--shards", "1", "--out", tmp_path / "data")
    assert code == 2
    assert re.fullmatch(r"prepare: http://\S+shard_0\d+\.parquet: the server answered 404 [^\n]+\n", err)


def test_an_address_that_is_no_web_address_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTORESEARCH_DATA_URL", "file:///etc")
    code, err = run_prepare("--source", "climbmix", "--out", tmp_path / "data")
    assert (code, "is no http address" in err) == (2, True)
