"""What a model was asked and answered: digests of exactly that, with every secret taken out first."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.exchange import Exchange
from orchestrator.policy import ModelPolicy
from orchestrator.proposers.hiding import hide_secrets
from orchestrator.proposers.relay import Relay
from orchestrator.proposers.replay import ReplayProposer
from orchestrator.records import Mend

from .model_parts import GOOD, HISTORY, KEY, SOURCE, proposer
from .openai_server import OpenAIServer, Status, Text

TRAIN = Path(__file__).parents[2] / "train_template" / "train.py"
LACKS = {
    "stream": {},
    "whole": {"stream": Status(400, message="unknown: stream")},
    "a schema": {"tools": Status(400, message="unknown: tools")},
    "text": {name: Status(400, message=f"unknown: {name}") for name in ("tools", "response_format")},
}


def digest(messages: object) -> str:
    text = json.dumps(messages, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("lacks", LACKS.values(), ids=LACKS.keys())
@pytest.mark.parametrize("reply", [GOOD, f"{GOOD}\n\u00e9\U0001f600", "no edit at all"])
def test_the_digests_are_those_of_the_messages_sent_and_the_text_that_came_back(
    reply: str, lacks: dict[str, Status]
) -> None:
    with OpenAIServer([Text(reply)], lacks=lacks) as server:
        proposal = proposer(server).propose(HISTORY)
    assert proposal.prompt_sha256 == digest(server.requests[-1].body["messages"])
    assert proposal.reply_sha256 == hashlib.sha256(reply.encode()).hexdigest()
    said = proposal.exchange
    assert said is not None
    assert (said.prompt_sha256, said.reply_sha256) == (proposal.prompt_sha256, proposal.reply_sha256)
    assert Exchange.from_json(said.to_json()) == said


def test_a_mended_proposal_has_the_digest_of_the_whole_conversation() -> None:
    with OpenAIServer([Text(GOOD), Text(GOOD)]) as server:
        model = proposer(server)
        first = model.propose(HISTORY)
        second = model.propose(replace(HISTORY, mend=Mend(first, "no")))
    sent = server.requests[-1].body["messages"]
    assert [message["role"] for message in sent] == ["system", "user", "assistant", "user"]
    assert second.prompt_sha256 == digest(sent) != first.prompt_sha256
    assert second.reply_sha256 == first.reply_sha256


def test_the_words_of_a_refusal_are_the_reply() -> None:
    with OpenAIServer([Text(None, refusal="I would rather not")]) as server:
        proposal = proposer(server).propose(HISTORY)
    assert proposal.reply_sha256 == hashlib.sha256(b"I would rather not").hexdigest()


def test_a_proposal_that_is_priced_on_its_way_keeps_its_digests(tmp_path: Path) -> None:
    (tmp_path / "0001-one.py").write_text(SOURCE)
    tuner = ReplayProposer(tmp_path, "train.py")
    with OpenAIServer([Text(GOOD)]) as server:
        relay = Relay(proposer(server), tuner, ModelPolicy(), time.monotonic, lambda *_, **__: None)
        proposal = relay.propose(HISTORY)
    assert proposal.prompt_sha256 == digest(server.requests[-1].body["messages"])
    assert proposal.exchange is not None


def test_a_key_in_the_source_reaches_neither_exchange_nor_digest() -> None:
    history = replace(HISTORY, best_files={"train.py": f"{SOURCE}# {KEY}\n"})
    with OpenAIServer([Text(f"{GOOD}\nsee {KEY}")]) as server:
        proposal = proposer(server).propose(history)
    sent = server.requests[-1].body["messages"]
    assert KEY in json.dumps(sent), "it was there to be hidden"
    assert proposal.exchange is not None
    assert KEY not in proposal.exchange.to_json().decode()
    hidden = [{**message, "content": message["content"].replace(KEY, "[key]")} for message in sent]
    assert proposal.prompt_sha256 == digest(hidden)
    assert proposal.exchange.reply.endswith("see [key]")


ESCAPED = "".join(f"\\u{ord(character):04X}" for character in KEY)
SECRETS = {
    KEY: "[key]",
    f"a{KEY}b": "a[key]b",
    ESCAPED: "[key]",
    ESCAPED.replace("\\", "\\\\\\"): "[key]",
    f"{KEY[:5]}\\u{ord(KEY[5]):04x}{KEY[6:]}": "[key]",
    "sk-another-1234567890": "[key]",
    "Authorization: Bearer abc": "[key]",
    '{"authorization": "Basic dXNlcjpw"}': '{"[key]"}',
    "bearer abcdefgh.ijkl": "[key]",
    "X-Api-Key: 12": "[key]",
    "a \ud800 half": "a ? half",
}


@pytest.mark.parametrize(("text", "shown"), SECRETS.items())
def test_a_secret_is_taken_out_in_every_spelling(text: str, shown: str) -> None:
    assert hide_secrets(text, KEY) == shown


@pytest.mark.parametrize(
    "text",
    [TRAIN.read_text(encoding="utf-8"), SOURCE, GOOD, "a task-specific risk-free bearer of news: basic idea"],
)
def test_text_without_a_secret_stays_as_it_is(text: str) -> None:
    assert hide_secrets(text, KEY) == text
    assert hide_secrets(text, "") == text


def test_a_key_with_signs_is_found_as_json_spells_them() -> None:
    key = 'ab/c"d\\e+f.g'
    assert hide_secrets(json.dumps(key).replace("/", "\\/"), key) == '"[key]"'


@pytest.mark.parametrize(
    "text", ["\\" * 1_000_000, "\\u0073" * 150_000, "authorization " * 70_000, " " * 1_000_000]
)
def test_text_made_to_be_slow_is_read_in_a_moment(text: str) -> None:
    began = time.monotonic()
    hide_secrets(text, KEY)
    assert time.monotonic() - began < 5
