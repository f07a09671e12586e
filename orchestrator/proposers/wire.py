"""One question to one endpoint over HTTP, its retries included, or a fault as a value.

Owns the `openai` package and `httpx2`, with faults.py and ollama.py.

    401, 403                 the key is refused            404          the model or the path is unknown
    408, 409, 429, 5xx       after the SDK's retries       400, 422     the request is refused
    timeout, cut connection  after as many tries           200          but no JSON, or JSON of another shape

The API key appears in no message: errors are built from status codes and redacted text, and raised outside
the block that caught the foreign exception, so that nothing of the request hangs on to them. A body, of an
error too, is read up to a limit and no further, and never decompressed: neither an endless one nor one that
unpacks to gigabytes fills memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import httpx2
import openai

from orchestrator.proposers.answers import (
    MAX_ANSWER_BYTES,
    TOO_MANY,
    Completion,
    NotACompletion,
    StreamEnded,
    read_stream,
    read_whole,
)
from orchestrator.proposers.endpoint import Endpoint
from orchestrator.proposers.faults import Fault, fault_of, redact

NO_KEY = "none"
STREAM = "text/event-stream"
STREAM_BYTES_PER_TOKEN = 1024  # what one token takes with the event around it
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 8.0


class Wire:
    """The client of one question. `requests` counts what was sent; closing it from any thread ends it."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.requests = 0
        self._endpoint = endpoint
        self._closed = Event()
        hooks: dict[str, list[Callable[..., Any]]] = {"request": [self._count], "response": [self._bound]}
        self._client = openai.OpenAI(
            api_key=endpoint.key or NO_KEY,
            base_url=endpoint.base_url,
            timeout=endpoint.request_seconds,
            default_headers={"Accept-Encoding": "identity"},
            http_client=openai.DefaultHttpxClient(event_hooks=hooks),
        )

    def send(self, body: dict[str, Any]) -> Completion | Fault:
        """Answer or fault as a value, so that no traceback of ours passes through the SDK's frames."""
        before, pause = self.requests, FIRST_PAUSE_SECONDS
        while True:
            left = self._endpoint.max_retries - (self.requests - before)
            outcome = self._try(body, left)
            left = self._endpoint.max_retries - (self.requests - before)
            if not (isinstance(outcome, Fault) and outcome.passing) or left < 0 or self._closed.wait(pause):
                return outcome
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def close(self) -> None:
        self._closed.set()
        self._client.close()

    def _try(self, body: dict[str, Any], retries: int) -> Completion | Fault:
        place = self._endpoint
        completions = self._client.with_options(max_retries=retries).chat.completions
        try:
            with completions.with_streaming_response.create(**body) as raw:
                return self._read(raw.headers.get("content-type", "no type"), raw.iter_bytes())
        except httpx2.TimeoutException:
            remedy = "try later, or raise the time limit"
            return Fault(f"{place.place} was silent for too long, at every try", remedy, passing=True)
        except httpx2.HTTPError as error:
            message = f"{place.place} cannot be reached ({type(error).__name__})"
            return Fault(message, "check the base URL, the network and the server", passing=True)
        except openai.OpenAIError as error:
            return fault_of(error, model=place.model, place=place.place, key=place.api_key)

    def _read(self, content_type: str, chunks: Iterator[bytes]) -> Completion | Fault:
        place = self._endpoint
        read = _Counted(chunks)
        try:
            if content_type.startswith(STREAM):
                return read_stream(read)
            return read_whole(b"".join(read))
        except NotACompletion as fault:
            return self._no_completion(content_type, read.size, str(fault))
        except StreamEnded as end:
            if read.size > self._most_bytes(content_type):
                return self._no_completion(content_type, read.size)
            words = redact(end.words, place.key)
            told = f": {words}" if words else ""
            message = f"{place.place} broke its answer off{told}"
            return Fault(message, "try later, or another endpoint", detail=words, passing=not end.lasting)

    def _no_completion(self, content_type: str, size: int, why: str = "") -> Fault:
        why = TOO_MANY if size > self._most_bytes(content_type) else why
        kind = redact(content_type.partition(";")[0][:40], self._endpoint.key)
        message = f"{self._endpoint.place} answered {size} bytes of {kind}, {why}"
        return Fault(message, "check the base URL: it often ends in /v1")

    def _most_bytes(self, content_type: str) -> int:
        """The most that an answer may have: a stream says much beside each token."""
        around = STREAM_BYTES_PER_TOKEN * self._endpoint.max_output_tokens
        return MAX_ANSWER_BYTES + (around if content_type.startswith(STREAM) else 0)

    def _count(self, request: httpx2.Request) -> None:  # noqa: ARG002 - a hook is given it
        self.requests += 1

    def _bound(self, response: httpx2.Response) -> None:
        """Called before the body is read. Compression, which was not asked for, is left as it is."""
        encoding = response.headers.pop("content-encoding", "identity")
        if encoding.lower() != "identity":
            response.headers["content-type"] = f"compressed data ({encoding})"
        most = self._most_bytes(response.headers.get("content-type", ""))
        if isinstance(response.stream, httpx2.SyncByteStream):
            response.stream = _Bounded(response.stream, most, self._closed)


class _Bounded(httpx2.SyncByteStream):
    """A body that ends one byte after the most that an answer may have, or when nobody wants it any more."""

    def __init__(self, stream: httpx2.SyncByteStream, most: int, unwanted: Event) -> None:
        self._stream = stream
        self._most = most
        self._unwanted = unwanted

    def __iter__(self) -> Iterator[bytes]:
        left = self._most + 1
        for chunk in self._stream:
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0 or self._unwanted.is_set():
                return

    def close(self) -> None:
        self._stream.close()


class _Counted:
    """Chunks, and how many bytes they had so far."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.size += len(chunk)
            yield chunk
