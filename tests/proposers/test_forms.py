"""An endpoint is asked in the strongest form that it has, which is found out by asking, once."""

from __future__ import annotations

import json

import pytest

from orchestrator.errors import ProposerError

from .model_parts import GOOD, HISTORY, KEY, SOURCE, proposer
from .openai_server import Edit, OpenAIServer, Raw, Request, Status, Text

DEEPER = SOURCE.replace("DEPTH = 3", "DEPTH = 4")
EDIT = Edit("deeper", "DEPTH = 3\n", "DEPTH = 4\n", kind="Size")
UNNAMED = Status(400, message="no")


@pytest.mark.parametrize(
    ("lacks", "form"),
    [
        ({}, "call"),
        ({"tools": Status(400, message="'tools' is unknown")}, "schema"),
        ({"tools": Status(404, message="no endpoints that support tool use")}, "schema"),
        ({"tools": Status(501, message="function calling is not implemented")}, "schema"),
        ({"tools": UNNAMED}, "schema"),
        ({"tools": UNNAMED, "response_format": Status(422, message="response_format: extra field")}, "text"),
        ({"tools": UNNAMED, "response_format": UNNAMED}, "text"),
    ],
)
def test_the_strongest_form_that_the_endpoint_has_is_found_and_kept(
    lacks: dict[str, Status], form: str
) -> None:
    with OpenAIServer([EDIT], lacks=lacks) as server:
        asked = proposer(server)
        first, second = asked.propose(HISTORY), asked.propose(HISTORY)
    for proposal in (first, second):
        assert (proposal.problem, proposal.files) == ("", {"train.py": DEEPER})
        assert (proposal.title, proposal.kind, proposal.hypothesis) == ("deeper", "size", "it helps")
    assert [request.form for request in server.requests[-2:]] == [form, form]
    assert len(server.requests) == len(lacks) + 2
    assert first.usage.requests == len(lacks) + 1
    assert second.usage.requests == 1


def test_a_tool_call_is_forced_and_strict() -> None:
    with OpenAIServer([EDIT]) as server:
        proposer(server).propose(HISTORY)
    body = server.requests[0].body
    (tool,) = body["tools"]
    assert tool["function"]["strict"] is True
    assert body["tool_choice"] == {"type": "function", "function": {"name": tool["function"]["name"]}}
    schema = tool["function"]["parameters"]
    assert schema["required"] == ["title", "kind", "hypothesis", "edits"]
    assert schema["additionalProperties"] is False
    assert "response_format" not in body


def test_a_schema_is_asked_for_strictly() -> None:
    with OpenAIServer([EDIT], lacks={"tools": UNNAMED}) as server:
        proposer(server).propose(HISTORY)
    wanted = server.requests[1].body["response_format"]
    assert (wanted["type"], wanted["json_schema"]["strict"]) == ("json_schema", True)


@pytest.mark.parametrize(
    ("name", "feature"),
    [
        ("stream_options", "stream_options"),
        ("max_completion_tokens", "max_completion_tokens"),
        ("reasoning_effort", "reasoning_effort"),
        ("temperature", "temperature"),
        ("stream", "stream"),
    ],
)
def test_a_parameter_that_the_endpoint_names_is_left_out_from_then_on_and_the_form_stays(
    name: str, feature: str
) -> None:
    refusal = {feature: Status(400, message=f"unknown parameter: {name}")}
    with OpenAIServer([EDIT], lacks=refusal) as server:
        asked = proposer(server, reasoning_effort="low", temperature=0.5)
        assert asked.propose(HISTORY).files
        assert asked.propose(HISTORY).files
    assert [feature in request.body for request in server.requests] == [True, False, False]
    assert {request.form for request in server.requests} == {"call"}


def test_a_complaint_of_a_server_that_validates_names_its_field() -> None:
    complaint = {"detail": [{"loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]}
    refusal = Raw(json.dumps(complaint).encode(), status=422)

    def script(request: Request) -> Raw | Edit:
        return refusal if "stream_options" in request.body else EDIT

    with OpenAIServer(script) as server:
        assert proposer(server).propose(HISTORY).files
    assert [request.form for request in server.requests] == ["call", "call"]


def test_a_refusal_for_another_reason_is_not_asked_again_once_the_form_is_known() -> None:
    with OpenAIServer([EDIT, Status(400, message="the context is too long"), EDIT]) as server:
        asked = proposer(server)
        assert asked.propose(HISTORY).files
        with pytest.raises(ProposerError, match="the context is too long"):
            asked.propose(HISTORY)
        assert asked.propose(HISTORY).files
    assert [request.form for request in server.requests] == ["call"] * 3


def test_what_was_refused_in_every_form_is_not_taken_for_a_lack_of_any() -> None:
    refusals = [Status(400, message="the context is too long")] * 5
    with OpenAIServer([*refusals, EDIT]) as server:
        asked = proposer(server)
        with pytest.raises(ProposerError, match="the context is too long"):
            asked.propose(HISTORY)
        tried = len(server.requests)
        assert asked.propose(HISTORY).files
    assert tried <= 5
    assert server.requests[tried].form == "call"


def test_an_endpoint_that_ignores_the_form_is_still_read_and_asked_in_the_next_one() -> None:
    with OpenAIServer([Text(GOOD)]) as server:
        asked = proposer(server)
        proposals = [asked.propose(HISTORY) for _ in range(4)]
    assert all(proposal.files == {"train.py": DEEPER} for proposal in proposals)
    assert [request.form for request in server.requests] == ["call", "schema", "text", "text"]


@pytest.mark.parametrize(
    "reply", [Text("", finish_reason="length"), Text(None, refusal="no"), Text("", call=True)]
)
def test_an_answer_that_was_cut_short_or_refused_says_nothing_about_the_form(reply: Text) -> None:
    with OpenAIServer([reply, EDIT]) as server:
        asked = proposer(server)
        assert asked.propose(HISTORY).problem
        assert asked.propose(HISTORY).files
    assert [request.form for request in server.requests] == ["call", "call"]


def test_the_form_is_told_to_the_model_and_plain_text_needs_no_word() -> None:
    with OpenAIServer([EDIT], lacks={"tools": UNNAMED, "response_format": UNNAMED}) as server:
        proposer(server).propose(HISTORY)
    systems = [request.body["messages"][0]["content"] for request in server.requests]
    assert "call of the tool 'propose'" in systems[0]
    assert "one JSON object" in systems[1]
    assert systems[2] == systems[0].split("\n\nGive the reply as one call")[0]


def test_a_check_asks_for_text_alone_and_leaves_the_form_to_be_found() -> None:
    with OpenAIServer([Text("ready"), EDIT]) as server:
        asked = proposer(server)
        asked.check()
        assert asked.propose(HISTORY).files
    assert [request.form for request in server.requests] == ["text", "call"]
    assert KEY not in repr([request.body for request in server.requests])
