"""A real night with a real endpoint: a repair, a merge, a rate limit, a twin, a likeness and an outage."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.data import DataFolder
from orchestrator.sandbox.engine import Engine
from tests.benchmarks.throughput import source
from tests.docker.workshop import POLICY, Workshop, set_up
from tests.proposers.openai_server import Edit, OpenAIServer, Reply, Status

pytestmark = pytest.mark.docker

MODEL = """\
model:
  {retry_seconds: 1.0, retry_most_seconds: 1.0, prices: {local: {input: 1.0, output: 10.0}}}
"""
KEY = "sk-a-key-that-no-record-may-hold"
END = "    model = Bigram(vocab)\n"
IDEA = """\
    for turn in range(3):
        counts = counts * 0.999 + 0.001
        counts = counts.clamp(min=0.05)
"""


def slot(title: str, number: int, value: int) -> Edit:
    return Edit(title, f"SLOT_{number:03d} = 0\n", f"SLOT_{number:03d} = {value}\n")


OTHER_WORDS = IDEA.replace("turn", "step").replace("+ 0.001", "+ 0.001  # a little for everybody")
SCRIPT: list[Reply] = [
    slot("a gain", 0, 15),
    Edit("a typo", "counts = torch.full(", "counts = torch.full(("),
    slot("another gain, mended", 1, 15),
    slot("a loss", 2, -30),
    Status(429, {"Retry-After": "1"}, "slow down"),
    Edit("an idea", END, IDEA + END),
    Edit("the idea in other words", END, OTHER_WORDS + END),
    slot("something else", 3, -30),
    slot("the loss again", 2, -30),
    slot("instead of the twin", 4, -30),
    *[Status(503)] * 5,  # as often as the client asks before it gives up
    slot("after the outage", 5, -30),
]


@pytest.fixture
def workshop(tmp_path: Path, data: DataFolder, engine: Engine) -> Workshop:
    set_up(tmp_path, source(6))
    changes = {"smoke: false": "smoke: true", "seconds: 60.0": "seconds: 10.0", "0.01": "0.001"}
    policy = POLICY + MODEL
    for old, new in changes.items():
        policy = policy.replace(old, new, 1)
    (tmp_path / "policy.yaml").write_text(policy)
    return Workshop(tmp_path, data.path, engine)


def test_a_night_takes_whatever_an_endpoint_does_and_says_so(workshop: Workshop) -> None:
    with OpenAIServer(SCRIPT) as server:
        environment = {
            "OPENAI_BASE_URL": server.base_url,
            "OPENAI_API_KEY": KEY,
            "AUTORESEARCH_MODEL": "local",
        }
        night = replace(workshop, extra_environment=environment)
        done = night.call("run", "--tag", "night", "--experiments", "9", timeout=900)
    assert done.returncode == 0, done.stderr
    events = workshop.events("night")
    opened = {event["number"]: event for event in events if event["event"] == "attempt_opened"}
    closed = [{**event, "title": opened[event["number"]]["title"]} for event in workshop.closed("night")]
    _a_refused_proposal_is_mended(closed, server)
    _what_was_ready_moves_to_the_new_best(closed)
    _what_was_tried_is_seen(closed, events)
    _the_outage_is_bridged(opened, events)
    _everything_is_paid_for(opened, server)
    assert "slow down" not in done.stdout, "the client waited, as it was asked to"
    _nothing_holds_the_key(workshop.runs / "night", done.stdout + done.stderr)
    verified = workshop.call("audit", "verify", "--tag", "night")
    assert verified.returncode == 0, verified.stdout
    assert workshop.leftovers("night") == []


def _of(closed: list[dict[str, Any]], title: str) -> list[dict[str, Any]]:
    return [event for event in closed if event["title"] == title]


def _a_refused_proposal_is_mended(closed: list[dict[str, Any]], server: OpenAIServer) -> None:
    (typo,) = _of(closed, "a typo")
    assert typo["status"] == "refused"
    assert [objection["code"] for objection in typo["objections"]] == ["syntax"]
    mended = server.requests[2].body["messages"]
    assert [message["role"] for message in mended] == ["system", "user", "assistant", "user"]
    assert typo["objections"][0]["message"] in mended[-1]["content"]


def _what_was_ready_moves_to_the_new_best(closed: list[dict[str, Any]]) -> None:
    (gain,) = _of(closed, "a gain")
    stale, merged = _of(closed, "another gain, mended")
    assert (gain["action"], stale["action"], merged["action"]) == ("keep", "discard", "keep")
    assert f"merged onto it as attempt {merged['number']:04d}" in stale["reason"]


def _what_was_tried_is_seen(closed: list[dict[str, Any]], events: list[dict[str, Any]]) -> None:
    (twin,) = _of(closed, "the loss again")
    assert [objection["code"] for objection in twin["objections"]] == ["duplicate"]
    assert _of(closed, "the idea in other words") == []
    (likeness,) = (event for event in events if event["event"] == "likeness_pointed_out")
    assert likeness["title"] == "the idea in other words"
    assert _of(closed, "something else")[0]["status"] == "scored"


def _the_outage_is_bridged(opened: dict[int, dict[str, Any]], events: list[dict[str, Any]]) -> None:
    names = [event["event"] for event in events]
    assert names.count("model_went_away") == names.count("model_came_back") == 1
    assert "tuner" in {event["proposer"] for event in opened.values()}
    assert "after the outage" in {event["title"] for event in opened.values()}


def _everything_is_paid_for(opened: dict[int, dict[str, Any]], server: OpenAIServer) -> None:
    last = opened[max(opened)]["spent"]
    answers = sum(not isinstance(reply, Status) for reply in SCRIPT)
    assert last["tokens"] == 150 * answers
    assert last["dollars"] == pytest.approx((120 * 1.0 + 30 * 10.0) * 1e-6 * answers)
    assert len(server.requests) >= len(SCRIPT)


def _nothing_holds_the_key(folder: Path, said: str) -> None:
    assert KEY not in said
    texts = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert not any(KEY.encode() in text for text in texts)
    assert json.loads((folder / "audit.jsonl").read_text().splitlines()[0])["event"] == "run_created"
