"""Large files over HTTP: resumed where the last try ended, retried with back-off, and checked."""

from __future__ import annotations

import errno
import hashlib
import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from corpus import DataError

CHUNK_BYTES = 1 << 18
SOCKET_SECONDS = 30.0
FAILURES_IN_A_ROW = 6
LONGEST_WAIT_SECONDS = 30.0
OUR_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO}
_GONE = {401, 403, 404, 410}
_SHA256 = re.compile(r"[0-9a-f]{64}")

Report = Callable[[str, int, int], None]
"""Called with the file's name, the bytes that are here, and the bytes in all (0 when unknown)."""


class _Failure(Exception):  # noqa: N818 - never leaves this module
    """One try did not complete; another may."""

    def __init__(self, reason: str, *, wait_seconds: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the server says it sends: where that starts, how long the whole file is, and its names."""

    start: int
    total: int
    etag: str
    digest: str


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Remembers the hub's X-Linked-* headers, which stand on the redirect and not on the final answer."""

    def __init__(self) -> None:
        self.linked: dict[str, str] = {}

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: Any) -> Any:  # noqa: PLR0913, PLR0917
        names = ((name.lower(), value) for name, value in headers.items())
        self.linked |= {name: value for name, value in names if name.startswith("x-linked-")}
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(
    url: str, path: Path, *, check: Callable[[Path], None], report: Report, first_wait: float = 0.5
) -> None:
    """Bring the file at `url` to `path`; a file that is there already is left alone.

    `check` raises ValueError when the content is not what it should be. Tries go on while they make progress;
    after six in a row without any, or when the server says that there is no such file, raises DataError.
    """
    part = path.with_name(path.name + ".part")
    failures, furthest = 0, _size(part)
    while not path.exists():
        try:
            _try_once(url, part, path.name, report)
            _accept(part, path, check)
        except _Failure as failure:
            failures = 1 if _size(part) > furthest else failures + 1
            furthest = max(furthest, _size(part))
            if failures >= FAILURES_IN_A_ROW:
                raise DataError(f"{url}: {failure}", remedy="check the network, then run again") from None
            time.sleep(max(failure.wait_seconds, min(LONGEST_WAIT_SECONDS, first_wait * 2 ** (failures - 1))))


def _try_once(url: str, part: Path, name: str, report: Report) -> None:
    redirects = _Redirects()
    request = urllib.request.Request(url, headers=_headers(part))  # noqa: S310 - the scheme is checked by the source
    try:
        with urllib.request.build_opener(redirects).open(request, timeout=SOCKET_SECONDS) as response:
            answer = _read_answer(response.status, response.headers, redirects.linked)
            _receive(response, answer, part, name, report)
    except urllib.error.HTTPError as error:
        error.close()
        _explain(url, error, part)
    except (OSError, http.client.HTTPException) as error:
        if getattr(error, "errno", None) in OUR_DISK:
            raise
        raise _Failure(f"the connection failed: {error or type(error).__name__}") from None
    if answer.total and _size(part) != answer.total:
        raise _Failure(f"the connection ended after {_size(part)} of {answer.total} bytes")
    if answer.digest and _file_sha256(part) != answer.digest:
        _forget(part)
        raise _Failure("the content does not match the server's SHA-256")


def _headers(part: Path) -> dict[str, str]:
    """Ask for the rest of what is here, if the server can tell that it is still the same file."""
    etag = _etag_file(part)
    if not (_size(part) and etag.exists()):
        _forget(part)
        return {"Accept-Encoding": "identity"}
    return {
        "Accept-Encoding": "identity",
        "Range": f"bytes={_size(part)}-",
        "If-Range": etag.read_text(encoding="utf-8"),
    }


def _read_answer(status: int, headers: Mapping[str, str], linked: Mapping[str, str]) -> _Answer:
    etag = headers.get("ETag", "")
    names = [value.removeprefix("W/").strip('"') for value in (linked.get("x-linked-etag", ""), etag)]
    digest = next((name for name in names if _SHA256.fullmatch(name)), "")
    if status == 206:
        place = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", headers.get("Content-Range", ""))
        if place is None:
            raise _Failure("the server answered a part without saying which")
        return _Answer(int(place[1]), int(place[2]), etag, digest)
    total = int(linked.get("x-linked-size") or headers.get("Content-Length") or 0)
    return _Answer(0, total, etag, digest)


def _receive(response: IO[bytes], answer: _Answer, part: Path, name: str, report: Report) -> None:
    """Append to what is here when the server goes on from there, else start again."""
    if answer.start not in {0, _size(part)}:
        _forget(part)
        raise _Failure("the server went on from another place")
    if answer.etag and not answer.etag.startswith("W/"):
        _etag_file(part).write_text(answer.etag, encoding="utf-8")
    with part.open("ab" if answer.start else "wb") as file:
        while chunk := response.read(CHUNK_BYTES):
            file.write(chunk)
            report(name, file.tell(), answer.total)


def _explain(url: str, error: urllib.error.HTTPError, part: Path) -> None:
    if error.code in _GONE:
        message = f"{url}: the server answered {error.code} {error.reason}"
        raise DataError(message, remedy="check AUTORESEARCH_DATA_URL or choose another --source") from None
    if error.code == 416:
        _forget(part)
    wait = error.headers.get("Retry-After", "")
    raise _Failure(
        f"the server answered {error.code} {error.reason}",
        wait_seconds=min(LONGEST_WAIT_SECONDS, float(wait)) if wait.isdigit() else 0.0,
    ) from None


def _accept(part: Path, path: Path, check: Callable[[Path], None]) -> None:
    try:
        check(part)
    except ValueError as error:
        _forget(part)
        raise _Failure(f"the content is damaged: {error}") from None
    part.replace(path)
    _forget(part)


def _etag_file(part: Path) -> Path:
    return part.with_name(part.name + ".etag")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _etag_file(part).unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
