"""An endpoint that answers without end, or with a bomb: an error, soon, and in bounded memory."""

from __future__ import annotations

import gzip
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestrator.errors import ProposerError
from orchestrator.proposers.chat import ChatEndpoint
from orchestrator.proposers.endpoint import Endpoint
from orchestrator.proposers.frame import Message

from .openai_server import Flood, OpenAIServer, Raw, Reply

ROOT = Path(__file__).parents[2]
MIB = 1 << 20


def asked(base_url: str) -> ChatEndpoint:
    return ChatEndpoint(
        Endpoint(
            model="m",
            api_key="",
            base_url=base_url,
            max_retries=0,
            max_output_tokens=2048,
            request_seconds=20,
            total_seconds=40,
        )
    )


def bomb(times: int = 1) -> bytes:
    """A gigabyte of spaces, compressed once or more."""
    whole = gzip.compress(b" " * MIB, mtime=0) * 1024
    for _ in range(times - 1):
        whole = gzip.compress(whole, mtime=0)
    return whole


EVENT = b'data: {"choices": [{"delta": {"content": "' + b"x" * 4096 + b'"}}]}\n\n'
EMPTY = b'data: {"choices": [{"delta": {"content": ""}}]}\n\n'
STREAM = "text/event-stream"
FLOODS: dict[str, tuple[Reply, str]] = {
    "an endless answer": (Flood(), "too many for a chat completion"),
    "an endless error": (Flood(status=400), "refuses the request (400)"),
    "an endless stream of text": (Flood(content_type=STREAM, piece=EVENT * 16), "too many for a chat"),
    "an endless stream of nothing": (
        Flood(content_type=STREAM, piece=EMPTY * 1024),
        "too many for a chat completion",
    ),
    "an endless event": (Flood(content_type=STREAM), "too many for a chat completion"),
    "a bomb as a stream": (Raw(bomb(), content_type=STREAM, encoding="gzip"), "which is not JSON"),
    "a bomb": (Raw(bomb(), encoding="gzip"), "compressed data (gzip), which is not JSON"),
    "a bomb in a bomb": (Raw(bomb(2), encoding="gzip, gzip"), "which is not JSON"),
    "a bomb as an error": (Raw(bomb(), status=400, encoding="gzip"), "refuses the request (400)"),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_is_one_line_soon_and_in_bounded_memory(flood: str) -> None:
    reply, words = FLOODS[flood]
    with OpenAIServer([reply]) as server:
        done = subprocess.run(
            [sys.executable, "-m", __name__, server.base_url],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=90,
        )
    said = json.loads(done.stdout)
    assert words in said["error"]
    assert said["cpu_seconds"] < 8
    assert said["more_mib"] < 100


def test_an_endpoint_is_asked_for_an_answer_that_is_not_compressed() -> None:
    with OpenAIServer([Raw(b"{}")]) as server, pytest.raises(ProposerError):
        asked(server.base_url).ask([Message("user", "hello")])
    assert server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("count", ["1" + 4000 * "0", "-1", "true", "1e99", '"7"', "null", "[]"])
def test_a_count_of_tokens_that_cannot_be_is_replaced_by_an_estimate(count: str) -> None:
    answer = f'{{"choices": [{{"message": {{"content": "x"}}}}], "usage": {{"prompt_tokens": {count}}}}}'
    with OpenAIServer([Raw(answer.encode())]) as server:
        usage = asked(server.base_url).ask([Message("user", "hello")]).usage
    assert usage.requests == 1
    assert 0 < usage.prompt_tokens < 12
    assert usage.completion_tokens == 1


def _peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _main() -> None:
    before, began, error = _peak_mib(), time.process_time(), ""
    try:
        asked(sys.argv[1]).ask([Message("user", "hello")])
    except ProposerError as refusal:
        error = refusal.message
    seconds = time.process_time() - began
    print(json.dumps({"error": error, "cpu_seconds": seconds, "more_mib": _peak_mib() - before}))  # noqa: T201


if __name__ == "__main__":
    _main()
