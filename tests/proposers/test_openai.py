"""The endpoint, over real HTTP: what it does wrong is our error, what the model says wrong is data."""

from __future__ import annotations

import time
import traceback

import pytest

from orchestrator.errors import ProposerError, SetupError
from orchestrator.policy import EditPolicy, ModelPolicy
from orchestrator.proposers.endpoint import Endpoint
from orchestrator.proposers.notebook import Notebook
from orchestrator.proposers.openai import OpenAIProposer
from orchestrator.proposers.prompt import PromptBuilder
from orchestrator.records import Measure, Usage

from .edits_of_a_night import night
from .model_parts import GOOD, HISTORY, KEY, SOURCE, proposer
from .openai_server import Cut, OpenAIServer, Raw, Reply, Slow, Status, Text, Trickle


def error_of(*script: Reply, retries: int = 0, seconds: float = 5.0) -> ProposerError:
    with OpenAIServer(script) as server, pytest.raises(ProposerError) as caught:
        proposer(server, retries=retries, request_seconds=seconds).propose(HISTORY)
    shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    assert KEY not in shown
    assert KEY[:12] not in shown
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert caught.value.remedy
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_good_reply_becomes_files_with_title_hypothesis_and_the_tokens_it_cost() -> None:
    with OpenAIServer([Text(GOOD)]) as server:
        proposal = proposer(server).propose(HISTORY)
    assert proposal.problem == ""
    assert proposal.files == {"train.py": SOURCE.replace("DEPTH = 3", "DEPTH = 4")}
    assert (proposal.title, proposal.hypothesis) == ("deeper", "one more block helps")
    assert proposal.proposer == "openai"
    assert proposal.usage == Usage(requests=1, prompt_tokens=120, completion_tokens=30)


def test_a_request_names_the_model_holds_the_source_and_leaves_the_temperature_alone() -> None:
    with OpenAIServer([Text(GOOD)]) as server:
        proposer(server).propose(HISTORY)
    (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body["model"] == "test-model"
    assert request.body["max_completion_tokens"] == 16_384
    assert "temperature" not in request.body
    assert SOURCE.strip() in request.text
    assert KEY not in request.text


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Status(401), "refuses the API key (401)"),
        (Status(403), "denies this API key"),
        (Status(404, message="no such model"), "knows no model 'test-model' (404): no such model"),
        (Status(400, message="the context is too long"), "refuses the request (400): the context is"),
        (Status(400, message="bad key {key} given"), "bad key [key] given"),
        (Status(429), "limits the rate"),
        (Status(500), "failed, retries included (500)"),
        (Raw(b"<html><h1>Welcome</h1></html>", content_type="text/html"), "of text/html, which is not JSON"),
        (Raw(b"<html>gone</html>", status=502, content_type="text/html"), "(502)"),
        (Raw(b'{"choices": [{"message": {"cont'), "which is not JSON"),
        (Raw(b"\x00\xff\xfe\x80 garbage"), "which is not JSON"),
        (Raw(b"[" * 100_000), "which is not JSON"),
        (Raw(b'{"error": {"message": "out of credit"}}'), "not a chat completion"),
        (Raw(b'{"choices": []}'), "not a chat completion"),
        (Raw(b'{"choices": ["a"]}'), "not a chat completion"),
        (Raw(b"[]"), "not a chat completion"),
        (Raw(b""), "answered 0 bytes"),
        (Cut(), "cannot be reached"),
        (Cut(after=b'{"choices": '), "cannot be reached"),
    ],
)
def test_a_broken_endpoint_is_one_line_with_a_remedy_and_without_the_key(reply: Reply, words: str) -> None:
    assert words in str(error_of(reply))


def test_a_port_where_nobody_listens_is_an_error_with_a_remedy() -> None:
    with OpenAIServer([Text(GOOD)]) as server:
        asked = proposer(server)
    with pytest.raises(ProposerError, match="cannot be reached"):
        asked.propose(HISTORY)


def test_a_rate_limit_is_waited_out_as_the_server_asks() -> None:
    with OpenAIServer([Status(429, {"Retry-After": "0.3"}), Text(GOOD)]) as server:
        started = time.monotonic()
        proposal = proposer(server, retries=2).propose(HISTORY)
        waited = time.monotonic() - started
    assert proposal.files
    assert waited >= 0.3
    assert proposal.usage.requests == 2


def test_a_failed_and_a_cut_answer_are_asked_again() -> None:
    with OpenAIServer([Status(500, {"Retry-After": "0.01"}), Cut(after=b"{"), Text(GOOD)]) as server:
        proposal = proposer(server, retries=2).propose(HISTORY)
    assert proposal.files
    assert len(server.requests) == 3


def test_retries_end() -> None:
    with OpenAIServer([Status(503, {"Retry-After": "0.01"})]) as server:
        with pytest.raises(ProposerError):
            proposer(server, retries=2).propose(HISTORY)
        assert len(server.requests) == 3


def test_a_refused_key_is_not_tried_twice() -> None:
    with OpenAIServer([Status(401)]) as server:
        with pytest.raises(ProposerError):
            proposer(server, retries=3).propose(HISTORY)
        assert len(server.requests) == 1


def test_silence_ends_a_try() -> None:
    assert "silent for too long" in str(error_of(Slow(5.0), seconds=0.2))


@pytest.mark.parametrize("reply", [Slow(8.0), Trickle(every=0.05), Status(429, {"Retry-After": "60"})])
def test_the_total_limit_holds_however_the_server_delays(reply: Reply) -> None:
    with OpenAIServer([reply]) as server:
        asked = proposer(server, retries=5, request_seconds=6.0, total_seconds=0.5)
        started = time.monotonic()
        with pytest.raises(ProposerError, match=r"did not answer within 0\.5 seconds"):
            asked.propose(HISTORY)
        assert time.monotonic() - started < 2.0


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Text(None), "empty"),
        (Text("   \n"), "empty"),
        (Text(None, refusal="I will not do that."), "refused: I will not do that."),
        (Text(GOOD, finish_reason="length"), "cut off"),
        (Text("", finish_reason="length"), "spent all 30 output tokens on thinking"),
        (Text("<think>well", finish_reason="length"), "spent all 30 output tokens on thinking"),
        (Text("", finish_reason="content_filter"), "content filter"),
        (Text("I would suggest a larger model."), "no edit"),
        (Text(GOOD.replace("DEPTH = 3", "DEPTH = 99")), "nowhere"),
    ],
)
def test_a_useless_reply_is_a_proposal_that_says_why_and_what_it_cost(reply: Text, words: str) -> None:
    with OpenAIServer([reply]) as server:
        proposal = proposer(server).propose(HISTORY)
    assert words in proposal.problem
    assert proposal.files == {}
    assert proposal.usage.completion_tokens == 30


def test_a_key_that_the_endpoint_echoes_is_not_in_the_proposal() -> None:
    with OpenAIServer([Text("TITLE: hello", echo_key=True)]) as server:
        proposal = proposer(server).propose(HISTORY)
    assert "Bearer" not in repr(proposal)
    assert KEY not in repr(proposal)
    assert "[key]" in proposal.problem


def test_a_server_that_knows_only_the_old_name_of_the_limit_gets_that_from_then_on() -> None:
    refusal = Status(400, message="unknown parameter: max_completion_tokens")
    with OpenAIServer([refusal, Text(GOOD), Text(GOOD)]) as server:
        asked = proposer(server)
        assert asked.propose(HISTORY).files
        assert asked.propose(HISTORY).files
    assert ["max_tokens" in request.body for request in server.requests] == [False, True, True]


def test_a_check_passes_where_key_and_model_are_accepted() -> None:
    with OpenAIServer([Text("ready")]) as server:
        proposer(server).check()
    assert len(server.requests) == 1


@pytest.mark.parametrize("reply", [Status(401), Status(404), Text(""), Raw(b"<html>")])
def test_a_check_fails_with_a_remedy_where_they_are_not(reply: Reply) -> None:
    with OpenAIServer([reply]) as server, pytest.raises(ProposerError) as caught:
        proposer(server).check()
    assert caught.value.remedy
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("key", ["sk-a\nb", "sk-a b", "sk-ключ", "sk-\x00"])
def test_a_key_that_no_header_can_carry_is_refused_without_repeating_it(key: str) -> None:
    with pytest.raises(SetupError) as caught:
        Endpoint(model="m", api_key=key)
    assert key not in str(caught.value)


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://host/v1", "http://", "http://[::1", ""])
def test_a_base_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SetupError):
        Endpoint(model="m", api_key=KEY, base_url=url)


def test_an_endpoint_shows_neither_its_key_nor_the_password_in_its_address() -> None:
    endpoint = Endpoint(model="m", api_key=KEY, base_url="https://me:secret@host:8000/v1?token=t")
    assert KEY not in repr(endpoint)
    assert endpoint.place == "https://host:8000/v1"


def test_what_new_lessons_cost_is_counted_when_the_question_after_them_fails() -> None:
    book = Notebook(ModelPolicy(lessons_every=1), Measure(), lambda *_, **__: None)
    prompt = PromptBuilder(agenda="Lower it.", edit=EditPolicy(), entry_file="train.py", entry_points={})
    history = night(5)
    with OpenAIServer([Text("Wider is worse."), Status(500), Text(GOOD)]) as server:
        endpoint = Endpoint(model="m", api_key=KEY, base_url=server.base_url, max_retries=0)
        asked = OpenAIProposer(endpoint, prompt, notebook=book)
        with pytest.raises(ProposerError):
            asked.propose(history)
        assert asked.propose(history).usage.requests == 2
