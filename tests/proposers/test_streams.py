"""Answers that come bit by bit: read as if in one piece, counted, and asked for again when they break."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from orchestrator.errors import ProposerError
from orchestrator.proposers.tokens import count_tokens
from orchestrator.records import Usage

from .model_parts import GOOD, HISTORY, KEY, proposer
from .openai_server import Broken, Edit, OpenAIServer, Raw, Slow, Status, Text

EDIT = Edit("deeper", "DEPTH = 3\n", "DEPTH = 4\n")
UNKNOWN = Status(400, message="unknown: stream")


@pytest.mark.parametrize("lacks", [{}, {"stream": UNKNOWN}], ids=["stream", "whole"])
@pytest.mark.parametrize("reply", [EDIT, Text(GOOD), Text(GOOD, thought="DEPTH = 9? " * 50)])
def test_a_stream_gives_the_same_proposal_as_a_whole_answer(
    lacks: dict[str, Status], reply: Text | Edit
) -> None:
    with OpenAIServer([reply], lacks=lacks) as server:
        proposal = proposer(server).propose(HISTORY)
    assert server.requests[-1].body.get("stream", False) is not bool(lacks)
    assert proposal.problem == ""
    assert proposal.title == "deeper"
    assert "DEPTH = 4" in proposal.files["train.py"]


@pytest.mark.parametrize("lacks", [{}, {"stream": UNKNOWN}], ids=["stream", "whole"])
@pytest.mark.parametrize(
    ("counted", "cost"),
    [
        ({"prompt_tokens": 900, "completion_tokens": 40}, Usage(1, 900, 40)),
        ({"prompt_tokens": 900, "completion_tokens": 40, "prompt_tokens_details": {"cached_tokens": 700}},
         Usage(1, 900, 40, 700)),
        ({"prompt_tokens": 900, "completion_tokens": 40, "prompt_cache_hit_tokens": 640},
         Usage(1, 900, 40, 640)),
        ({"prompt_tokens": 900, "completion_tokens": 40, "prompt_tokens_details": {"cached_tokens": 10**6}},
         Usage(1, 900, 40, 900)),
        ({"prompt_tokens": 900, "completion_tokens": 440, "total_tokens": 1340,
          "completion_tokens_details": {"reasoning_tokens": 400}}, Usage(1, 900, 440)),
        ({"prompt_tokens": 900, "completion_tokens": 40, "total_tokens": 1340,
          "completion_tokens_details": {"reasoning_tokens": 400}}, Usage(1, 900, 440)),
    ],
    ids=["plain", "cached", "cached by another name", "absurd", "thinking inside", "thinking in the total"],
)  # fmt: skip
def test_what_the_endpoint_counted_is_what_it_cost(
    lacks: dict[str, Status], counted: dict[str, Any], cost: Usage
) -> None:
    with OpenAIServer([Text(GOOD, usage=counted)], lacks=lacks) as server:
        usage = proposer(server).propose(HISTORY).usage
    assert usage == Usage(
        len(server.requests), cost.prompt_tokens, cost.completion_tokens, cost.cached_tokens
    )


def test_an_endpoint_that_counts_nothing_is_counted_here() -> None:
    thought = "so be it " * 100
    with OpenAIServer([Text(GOOD, usage=None), Text(GOOD, usage=None, thought=thought)]) as server:
        asked = proposer(server)
        plain, thinking = asked.propose(HISTORY).usage, asked.propose(HISTORY).usage
    assert plain.completion_tokens == count_tokens(GOOD)
    assert plain.prompt_tokens > count_tokens(server.requests[0].text) * 0.9
    assert thinking.completion_tokens >= plain.completion_tokens + 200


def test_all_tokens_that_went_into_thinking_are_said_to_have() -> None:
    reply = Text("", finish_reason="length", thought="hm " * 1000, usage={"completion_tokens": 4096})
    with OpenAIServer([reply]) as server:
        problem = proposer(server).propose(HISTORY).problem
    assert "spent all 4096 output tokens on thinking" in problem
    assert "AUTORESEARCH_REASONING_EFFORT" in problem


def test_effort_and_temperature_are_sent_only_where_they_are_set() -> None:
    with OpenAIServer([EDIT]) as server:
        proposer(server).propose(HISTORY)
        proposer(server, reasoning_effort="high", temperature=0.0).propose(HISTORY)
    bare, told = (request.body for request in server.requests)
    assert not {"reasoning_effort", "temperature"} & set(bare)
    assert (told["reasoning_effort"], told["temperature"]) == ("high", 0.0)
    assert bare["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("how", ["cut", "end", "stalls", "error"])
def test_a_stream_that_breaks_is_asked_for_again(how: Any) -> None:
    with OpenAIServer([Broken(how), EDIT]) as server:
        proposal = proposer(server, retries=1, request_seconds=1.0).propose(HISTORY)
    assert proposal.files
    assert proposal.usage.requests == len(server.requests) == 2


@pytest.mark.parametrize(
    ("how", "words"),
    [("cut", "cannot be reached"), ("end", "broke its answer off"), ("stalls", "silent for too long"),
     ("error", "broke its answer off: the engine died, [key]")],
)  # fmt: skip
def test_a_stream_that_breaks_at_every_try_is_one_line_without_the_key(how: Any, words: str) -> None:
    with OpenAIServer([Broken(how)]) as server, pytest.raises(ProposerError) as caught:
        proposer(server, retries=1, request_seconds=0.5).propose(HISTORY)
    assert words in caught.value.message
    assert KEY[:12] not in str(caught.value)
    assert len(server.requests) == 2


def test_an_error_in_a_stream_that_would_come_again_is_not_asked_for_again() -> None:
    with OpenAIServer([Broken("error", code=400)]) as server, pytest.raises(ProposerError):
        proposer(server, retries=3).propose(HISTORY)
    assert len(server.requests) == 1


def test_the_total_limit_holds_for_streams_that_break_again_and_again() -> None:
    with OpenAIServer([Broken("stalls")]) as server:
        asked = proposer(server, retries=50, request_seconds=0.3, total_seconds=1.5)
        began = time.monotonic()
        with pytest.raises(ProposerError, match=r"did not answer within 1\.5 seconds"):
            asked.propose(HISTORY)
        assert time.monotonic() - began < 6


def test_a_stream_without_an_end_mark_is_whole_when_it_says_how_it_ended() -> None:
    events = b'data: {"choices": [{"delta": {"content": "ready"}}]}\r\n\r\n: a comment\n\n'
    events += b'data:{"choices": [{"delta": {}, "finish_reason": "stop"}]}'
    with OpenAIServer([Raw(events, content_type="text/event-stream; charset=utf-8")]) as server:
        proposer(server).check()
    assert len(server.requests) == 1


@pytest.mark.parametrize("body", [b"data: {\n\n", b"data: []\n\n", b"data: " + b"[" * 100_000 + b"\n\n"])
def test_a_stream_of_something_else_is_an_error(body: bytes) -> None:
    words = "of text/event-stream, which is"
    reply = Raw(body, content_type="text/event-stream")
    with OpenAIServer([reply]) as server, pytest.raises(ProposerError, match=words):
        proposer(server).propose(HISTORY)


def test_a_key_that_a_stream_echoes_in_pieces_is_not_in_the_proposal() -> None:
    with OpenAIServer([Text("TITLE: hello", echo_key=True)]) as server:
        proposal = proposer(server).propose(HISTORY)
    assert KEY not in repr(proposal)
    assert "[key]" in proposal.problem


def test_a_key_that_is_spelt_with_escapes_is_not_in_the_proposal() -> None:
    spelt = "".join(f"\\u{ord(character):04x}" for character in KEY)
    reply = f'{{"title": "{spelt}", "edits": [{{"path": "train.py", "content": "{spelt}"}}]}}'
    with OpenAIServer([Text(reply, call=True)]) as server:
        proposal = proposer(server).propose(HISTORY)
    assert proposal.title == "[key]"
    assert proposal.files == {"train.py": "[key]\n"}


def test_a_question_is_given_up_at_once_and_none_is_asked_after_that() -> None:
    with OpenAIServer([Slow(20.0)]) as server:
        asked = proposer(server)
        threading.Timer(0.5, asked.close).start()
        began = time.monotonic()
        with pytest.raises(ProposerError, match="was given up"):
            asked.propose(HISTORY)
        assert time.monotonic() - began < 5
        with pytest.raises(ProposerError, match="was given up"):
            asked.propose(HISTORY)
    assert len(server.requests) <= 1
