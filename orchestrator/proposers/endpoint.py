"""One chat completion within one time limit, or a ProposerError. Owns the `openai` package, with faults.py.

    401, 403                 the key is refused            404          the model or the path is unknown
    408, 409, 429, 5xx       after the SDK's retries       400, 422     the request is refused
    timeout, cut connection  after the SDK's retries       200          but no JSON, or JSON of another shape

The API key appears in no message: errors are built from status codes and redacted text, and raised outside
the block that caught the foreign exception, so that nothing of the request hangs on to them. An endpoint
that echoes the key has it cut out of its answer. A body, of an error too, is read to MAX_ANSWER_BYTES and no
further, and never decompressed: neither an endless one nor one that unpacks to gigabytes fills memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai

from orchestrator.errors import ProposerError, SetupError
from orchestrator.proposers.faults import Fault, check_key, fault_of
from orchestrator.proposers.frame import Message
from orchestrator.records import Usage

MAX_ANSWER_BYTES = 8 * 1024 * 1024
MOST_TOKENS = 1_000_000_000
NO_KEY = "none"
SHORTEST_KEY = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where the model is, and what one answer may cost. An empty key is for servers that want none.

    `request_seconds` bounds the silence within one try, `total_seconds` all tries and waits together.
    Raises SetupError for a key or an address that cannot be one.
    """

    model: str
    api_key: str = field(repr=False)
    base_url: str = "https://api.openai.com/v1"
    max_output_tokens: int = 16_384
    request_seconds: float = 180.0
    total_seconds: float = 600.0
    max_retries: int = 4

    def __post_init__(self) -> None:
        check_key(self.api_key)
        if not _is_http_address(self.base_url):
            raise SetupError(
                "the model's base URL is not an http address", remedy="such as http://host:8000/v1"
            )

    @property
    def place(self) -> str:
        """The address without what may be secret in it: user, password and query."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _is_http_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said, and how the endpoint says that it ended."""

    text: str
    finish_reason: str
    refusal: str
    usage: Usage


class ChatEndpoint:
    """Asks one endpoint, one request at a time."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._limit_name = "max_completion_tokens"

    def ask(self, messages: Iterable[Message]) -> Answer:
        """Send the messages, return the answer. Raises ProposerError."""
        chat = [{"role": message.role, "content": message.content} for message in messages]
        outcome = self._send(chat)
        if isinstance(outcome, Fault) and outcome.status in {400, 422} and self._limit_name in outcome.detail:
            self._limit_name = "max_tokens"  # servers older than the newer name of the same limit
            outcome = self._send(chat)
        if isinstance(outcome, Fault):
            raise ProposerError(outcome.message, remedy=outcome.remedy)
        return outcome

    def _send(self, chat: list[dict[str, str]]) -> Answer | Fault:
        """Answer or fault as a value, so that no traceback of ours passes through the SDK's frames."""
        place = self._endpoint
        client = openai.OpenAI(
            api_key=place.api_key.strip() or NO_KEY,
            base_url=place.base_url,
            timeout=place.request_seconds,
            max_retries=place.max_retries,
            default_headers={"Accept-Encoding": "identity"},
            http_client=openai.DefaultHttpxClient(event_hooks={"response": [_bound]}),
        )
        body: dict[str, Any] = {
            "model": place.model,
            "messages": chat,
            self._limit_name: place.max_output_tokens,
        }
        try:
            response = _within(place.total_seconds, lambda: _post(client, body))
        except TimeoutError:
            message = f"{place.place} did not answer within {place.total_seconds:g} seconds, retries included"
            return Fault(message, "try later, or raise the time limit")
        except openai.OpenAIError as error:
            return fault_of(error, model=place.model, place=place.place, key=place.api_key)
        finally:
            client.close()
        return _answer(_without_key(response, place.api_key.strip()), place.place)


@dataclass(frozen=True, slots=True)
class _Response:
    content: bytes
    content_type: str
    retries: int


class _Bounded(httpx2.SyncByteStream):
    """A body that ends one byte after the most that an answer may have, however much is sent."""

    def __init__(self, stream: httpx2.SyncByteStream) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        left = MAX_ANSWER_BYTES + 1
        for chunk in self._stream:
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                return

    def close(self) -> None:
        self._stream.close()


def _bound(response: httpx2.Response) -> None:
    """Called before the body is read. Compression, which was not asked for, is left as it is."""
    encoding = response.headers.pop("content-encoding", "identity")
    if encoding.lower() != "identity":
        response.headers["content-type"] = f"compressed data ({encoding})"
    if isinstance(response.stream, httpx2.SyncByteStream):
        response.stream = _Bounded(response.stream)


def _post(client: openai.OpenAI, body: dict[str, Any]) -> _Response:
    raw = client.chat.completions.with_raw_response.create(**body)
    return _Response(raw.content, raw.headers.get("content-type", "no type"), raw.retries_taken)


def _without_key(response: _Response, key: str) -> _Response:
    if len(key) < SHORTEST_KEY:
        return response
    content = response.content.replace(key.encode(), b"[key]")
    return _Response(content, response.content_type.replace(key, "[key]"), response.retries)


def _within(seconds: float, call: Callable[[], _Response]) -> _Response:
    """Call in a daemon thread: the SDK's limit is one per read, which a trickling server never reaches."""
    future: Future[_Response] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except Exception as error:  # noqa: BLE001 - handed whole to the thread that waits
            future.set_exception(error)

    Thread(target=work, name="model-request", daemon=True).start()
    return future.result(timeout=seconds)


def _answer(response: _Response, place: str) -> Answer | Fault:
    size = len(response.content)
    shown = f"{place} answered {size} bytes of {response.content_type.partition(';')[0]:.40}"
    remedy = "check the base URL: it often ends in /v1"
    if size > MAX_ANSWER_BYTES:
        return Fault(f"{shown}, too many for a chat completion", remedy)
    try:
        value = json.loads(response.content)
    except (ValueError, RecursionError):
        return Fault(f"{shown}, which is not JSON", remedy)
    choice = _first_choice(value)
    if choice is None:
        return Fault(f"{shown}, which is JSON but not a chat completion", remedy)
    message = choice["message"]
    return Answer(
        text=_text(message.get("content")),
        finish_reason=_text(choice.get("finish_reason")),
        refusal=_text(message.get("refusal")),
        usage=_usage(value.get("usage"), response.retries + 1),
    )


def _first_choice(value: Any) -> dict[str, Any] | None:
    choices = value.get("choices") if isinstance(value, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    has_message = isinstance(choice, dict) and isinstance(choice.get("message"), dict)
    return choice if has_message else None


def _text(value: object) -> str:
    """A string as it is; the texts of a list of parts, as some servers send; else empty."""
    if isinstance(value, list):
        return "".join(_text(part.get("text")) for part in value if isinstance(part, dict))
    return value if isinstance(value, str) else ""


def _usage(value: object, requests: int) -> Usage:
    counts = value if isinstance(value, dict) else {}
    return Usage(requests, _count(counts.get("prompt_tokens")), _count(counts.get("completion_tokens")))


def _count(value: object) -> int:
    """A count that a request can have cost; anything else, and absurd ones, count as nothing."""
    return value if type(value) is int and 0 <= value <= MOST_TOKENS else 0
