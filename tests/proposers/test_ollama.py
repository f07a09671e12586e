"""A local model is held in memory between two questions, by what Ollama really listens to."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from orchestrator.proposers.ollama import held_for

from .model_parts import HISTORY, proposer
from .openai_server import Edit, OpenAIServer, Request

EDIT = Edit("deeper", "DEPTH = 3\n", "DEPTH = 4\n")


def arrived(requests: Sequence[Request], count: int) -> Sequence[Request]:
    until = time.monotonic() + 20
    while len(requests) < count and time.monotonic() < until:
        time.sleep(0.02)
    return requests


@pytest.mark.parametrize(("keep_alive", "said"), [("30m", "30m"), ("-1", -1), ("3600", 3600)])
def test_the_model_is_held_after_each_answer_beside_the_address_that_was_given(
    keep_alive: str, said: str | int
) -> None:
    with OpenAIServer([EDIT], ollama=True) as server:
        asked = proposer(server, keep_alive=keep_alive)
        for count in (1, 2):
            asked.propose(HISTORY)
            held = arrived(server.others, count)
    assert [(request.path, request.body) for request in held] == [
        ("/api/generate", {"model": "test-model", "keep_alive": said})
    ] * 2


def test_a_server_that_knows_no_such_thing_is_asked_once_and_answers_all_the_same() -> None:
    with OpenAIServer([EDIT]) as server:
        asked = proposer(server, keep_alive="30m")
        asked.propose(HISTORY)
        arrived(server.others, 1)
        time.sleep(0.3)
        assert asked.propose(HISTORY).files
        time.sleep(0.3)
    assert len(server.others) == 1


def test_nothing_is_said_where_nothing_is_wanted() -> None:
    with OpenAIServer([EDIT], ollama=True) as server:
        proposer(server).propose(HISTORY)
        time.sleep(0.3)
    assert server.others == []


@pytest.mark.parametrize(
    ("wanted", "url", "held"),
    [
        ("auto", "http://127.0.0.1:11434/v1", "30m"),
        ("auto", "https://api.openai.com/v1", ""),
        ("auto", "http://127.0.0.1:8000/v1", ""),
        ("off", "http://127.0.0.1:11434/v1", ""),
        ("2h", "https://models.example/ollama/v1", "2h"),
    ],
)
def test_by_itself_only_a_server_at_ollama_s_port_is_told(wanted: str, url: str, held: str) -> None:
    assert held_for(wanted, url) == held
