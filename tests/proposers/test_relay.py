"""The model proposes while it can be paid and reached; the tuner stands in for it, and the record says so."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrator.budget import Budget
from orchestrator.errors import ModelRefused, ProposalsExhausted, ProposerError
from orchestrator.ledger.audit import read_events
from orchestrator.ledger.reading import read_run
from orchestrator.ledger.verification import verify_run
from orchestrator.loop import run_night
from orchestrator.policy import ModelPolicy
from orchestrator.ports import Proposer
from orchestrator.proposers.relay import Relay
from orchestrator.proposers.tuner import ConstantTuner
from orchestrator.records import History, Proposal, Spent, Usage
from orchestrator.testing import MemoryLedger

from .model_night import (
    ANSWER_DOLLARS,
    PRICE,
    TEMPLATE,
    Clock,
    killed_at,
    model_at,
    night_with,
    run_on_disk,
)
from .model_parts import GOOD
from .openai_server import Cut, OpenAIServer, Reply, Slow, Status, Text

HISTORY = History(TEMPLATE, 1.0)
DOWN = ProposerError("the endpoint failed (500)", remedy="try later")
REFUSED = ModelRefused("the endpoint refuses the API key (401)", remedy="set OPENAI_API_KEY")


class Model:
    """Answers by a script: a usage for a proposal that cost it, or an error; the last one repeats."""

    name = "openai:m"

    def __init__(self, *script: Usage | ProposerError) -> None:
        self._script = list(script)
        self.asked = 0

    def propose(self, history: History) -> Proposal:
        self.asked += 1
        answer = self._script[min(self.asked, len(self._script)) - 1]
        if isinstance(answer, ProposerError):
            raise answer
        return Proposal("an idea", history.best_files, proposer=self.name, usage=answer)


class Events(list[tuple[str, dict[str, Any]]]):
    """What was recorded."""

    def record(self, event: str, /, **fields: Any) -> None:
        self.append((event, fields))

    def names(self) -> list[str]:
        return [name for name, _ in self]


USUAL = Usage(1, 1000, 200)


def relay(model: Proposer, events: Events, clock: Clock | None = None, **policy: Any) -> Relay:
    limits = ModelPolicy(**{"prices": {"m": PRICE}, "retry_seconds": 60.0, **policy})
    return Relay(model, ConstantTuner(gpu=False), limits, clock or Clock(), events.record, USUAL)


def who(relay: Relay, times: int) -> list[str]:
    return [relay.propose(HISTORY).proposer for _ in range(times)]


@pytest.mark.parametrize(
    ("caps", "answered", "said"),
    [
        ({"requests": 3}, 3, "3 requests"),
        ({"tokens": 3600}, 3, "3,600 tokens"),
        ({"tokens": 4700}, 3, "4,700 tokens"),
        ({"dollars": 0.09}, 3, "$0.09"),
        ({"dollars": 0.119}, 3, "$0.12"),
        ({"tokens": 1199}, 0, "1,199 tokens"),
    ],
)
def test_no_cap_is_overshot_and_the_tuner_goes_on_when_it_is_reached(
    caps: dict[str, Any], answered: int, said: str
) -> None:
    events, model = Events(), Model(USUAL)
    proposers = who(relay(model, events, **caps), 6)
    assert proposers == ["openai:m"] * answered + ["tuner"] * (6 - answered)
    assert model.asked == answered
    assert events.names() == ["model_budget_spent"], "once, however often the tuner is asked after it"
    assert events[0][1]["cap"] == said
    assert (events[0][1]["requests"], events[0][1]["tokens"]) == (answered, 1200 * answered)


@pytest.mark.parametrize("caps", [{"requests": 2}, {"tokens": 2400}, {"dollars": 0.06}])
def test_a_policy_that_says_end_ends_the_run_at_the_cap(caps: dict[str, Any]) -> None:
    events = Events()
    spent = relay(Model(USUAL), events, when_spent="end", **caps)
    assert who(spent, 2) == ["openai:m"] * 2
    for _ in range(2):
        with pytest.raises(ProposalsExhausted, match="the model's budget is spent"):
            spent.propose(HISTORY)
    assert events.names() == ["model_budget_spent"]


def test_what_the_dearest_request_cost_is_kept_free_for_the_next() -> None:
    dear = Usage(1, 2000, 400)
    assert who(relay(Model(USUAL, dear, USUAL), Events(), tokens=5900), 4) == ["openai:m"] * 2 + ["tuner"] * 2


def test_without_a_price_the_dollars_are_unknown_and_their_cap_does_not_bind() -> None:
    free = relay(Model(USUAL), Events(), prices={}, dollars=0.001)
    proposals = [free.propose(HISTORY) for _ in range(5)]
    assert {proposal.proposer for proposal in proposals} == {"openai:m"}
    assert {proposal.usage.dollars for proposal in proposals} == {None}


def test_every_proposal_has_its_dollars_and_the_tuners_cost_nothing() -> None:
    bounded = relay(Model(USUAL), Events(), requests=1)
    assert [bounded.propose(HISTORY).usage.dollars for _ in range(2)] == [pytest.approx(0.03), 0.0]


def test_at_a_cap_a_tuner_that_has_nothing_ends_the_run_and_not_in_error() -> None:
    spent = relay(Model(USUAL), Events(), tokens=1)
    with pytest.raises(ProposalsExhausted, match=r"budget is spent \(1 tokens\), and .* no constant to tune"):
        spent.propose(History({"train.py": "pass\n"}, 1.0))


def test_the_name_is_that_of_who_is_asked_next() -> None:
    clock = Clock()
    flaky = relay(Model(USUAL, DOWN, USUAL), Events(), clock, requests=2)
    names = []
    for now in (0.0, 10.0, 11.0, 80.0):
        clock.now = now
        names.append((flaky.name, flaky.propose(HISTORY).proposer))
    assert names == [
        ("openai:m", "openai:m"),
        ("openai:m", "tuner"),
        ("tuner", "tuner"),
        ("openai:m", "openai:m"),
    ]
    assert flaky.name == "tuner", "the cap is reached"


def test_a_model_that_is_away_is_asked_with_doubled_waits_up_to_the_longest() -> None:
    clock, events, model = Clock(), Events(), Model(USUAL, DOWN)
    away = relay(model, events, clock, retry_most_seconds=200.0)
    away.propose(HISTORY)
    asked_at = []
    for second in range(800):
        clock.now, before = float(second), model.asked
        assert away.propose(HISTORY).proposer == "tuner" or second == 0
        asked_at += [second] * (model.asked - before)
    assert asked_at == [0, 60, 180, 380, 580, 780]
    assert events.names() == ["model_went_away"]
    assert events[0][1]["reason"] == DOWN.message


def test_a_model_that_comes_back_is_said_to_with_the_time_and_the_tuners_share() -> None:
    clock, events = Clock(), Events()
    flaky = relay(Model(DOWN, DOWN, USUAL, DOWN, USUAL), events, clock)
    proposers = []
    for now in (100.0, 130.0, 160.0, 290.0, 300.0, 350.0, 361.0):
        clock.now = now
        proposers.append(flaky.propose(HISTORY).proposer)
    assert proposers == ["tuner"] * 3 + ["openai:m"] + ["tuner"] * 2 + ["openai:m"]
    assert events.names() == ["model_went_away", "model_came_back"] * 2
    back = [(fields["away_seconds"], fields["proposals"]) for name, fields in events if "back" in name]
    assert back == [(190.0, 3), (61.0, 2)]


def test_a_key_that_is_refused_at_the_very_first_request_is_told_at_once() -> None:
    events = Events()
    with pytest.raises(ModelRefused):
        relay(Model(REFUSED), events).propose(HISTORY)
    assert events == []


def test_a_key_that_is_refused_later_is_an_outage() -> None:
    events = Events()
    assert who(relay(Model(USUAL, REFUSED), events), 2) == ["openai:m", "tuner"]
    assert events.names() == ["model_went_away"]


def test_away_from_the_model_a_tuner_that_has_nothing_says_both_reasons() -> None:
    with pytest.raises(ProposerError, match=r"the model is away \(.*500.*\), and .* no constant to tune"):
        relay(Model(DOWN), Events()).propose(History({"train.py": "pass\n"}, 1.0))


@pytest.mark.parametrize(("status", "first"), [(401, True), (403, True), (404, True), (400, False)])
def test_what_an_endpoint_refuses_for_good_is_told_from_what_may_pass(status: int, first: bool) -> None:
    with OpenAIServer([Status(status)]) as server, pytest.raises(ProposerError) as caught:
        model_at(server.base_url).propose(HISTORY)
    assert isinstance(caught.value, ModelRefused) is first


OUTAGES: list[tuple[Reply, str]] = [
    (Status(500), "500"),
    (Status(429), "429"),
    (Status(401), "401"),
    (Cut(), "cannot be reached"),
    (Slow(2.0), "silent"),
]


@pytest.mark.parametrize(("failure", "said"), OUTAGES, ids=[said for _, said in OUTAGES])
def test_a_night_goes_on_through_an_outage_of_a_real_endpoint(failure: Reply, said: str) -> None:
    policy = ModelPolicy(prices={"test-model": PRICE}, retry_seconds=100.0)
    with OpenAIServer([Text(GOOD), failure, failure, Text(GOOD)]) as server:
        night = night_with(server.base_url, policy)
        run_night(night.lab(), Budget(experiments=10))
    assert (
        proposers_of(night.memory)
        == ["template", "openai:test-model", *["tuner"] * 6] + ["openai:test-model"] * 2
    )
    assert len(server.requests) == 5
    (went, gone), (came, back) = night.memory.events
    assert (went, came) == ("model_went_away", "model_came_back")
    assert said in gone["reason"]
    assert (back["away_seconds"], back["proposals"]) == (360.0, 6)


def test_a_server_that_is_gone_altogether_is_an_outage() -> None:
    with OpenAIServer([Text(GOOD)]) as server:
        night = night_with(server.base_url, ModelPolicy())
        run_night(night.lab(), Budget(experiments=2))
    assert night.proposer
    assert night.proposer.propose(HISTORY).proposer == "tuner"
    (event, fields) = night.memory.events[0]
    assert (event, fields["model"]) == ("model_went_away", "openai:test-model")
    assert server.base_url in fields["reason"]


def proposers_of(ledger: MemoryLedger) -> Sequence[str]:
    return [entry.proposer for entry in ledger.history().entries]


def test_after_a_kill_the_caps_count_anew_and_the_record_goes_on_adding(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    with OpenAIServer([Text(GOOD)]) as server:
        status = killed_at(folder, server.base_url, "open:ref", 5)  # baseline, two by the model, two tuned
        assert status == -signal.SIGKILL
        run_on_disk(folder, server.base_url, 5, lambda _: None)
    assert len(server.requests) == 4, "two from each start on"
    opened = [event for event in read_events(folder / "audit.jsonl") if event["event"] == "attempt_opened"]
    asked = ["openai:test-model"] * 2
    assert [event["proposer"] for event in opened] == ["template", *asked, "tuner", "tuner", *asked] + [
        "tuner"
    ] * (len(opened) - 7)
    spent = [Spent(**event["spent"]) for event in opened]
    assert [(each.requests, each.tokens) for each in spent[:7]] == [
        (n, 150 * n) for n in (0, 1, 2, 2, 2, 3, 4)
    ]
    assert spent[-1].dollars == pytest.approx(4 * ANSWER_DOLLARS)
    assert read_run(folder).spent == spent[-1]
    assert verify_run(folder) == []
