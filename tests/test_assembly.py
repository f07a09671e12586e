"""How the parts are chosen, where no engine is needed for it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from orchestrator.assembly import Bench, open_rig
from orchestrator.budget import Budget
from orchestrator.errors import SetupError
from orchestrator.policy import ModelPolicy, Policy, load_policy
from orchestrator.proposers.relay import Relay
from orchestrator.proving.text import write_bytes_as_tokens
from orchestrator.researchers import Notes, choose_proposer, endpoints_of, renewed, say_estimate
from orchestrator.sandbox.gpu import NO_GPU
from orchestrator.settings import load_settings
from orchestrator.task import load_task

NOTES = Notes(print, print)
TEMPLATE = Path(__file__).parents[1] / "train_template"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A bench in a folder with one recorded proposal; nothing here asks its engine."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "0001-deeper.py").write_text("DEPTH = 2\n")
    none: Any = None
    return Bench(load_settings(), Policy(), load_task(TEMPLATE), engine=none, facts=none, grant=none)


@pytest.mark.parametrize("wanted", ["replay:", "replay", "Replay:.", "", "fly", "openai:"])
def test_a_proposer_that_is_none_or_lacks_its_folder_is_refused(bench: Bench, wanted: str) -> None:
    with pytest.raises(SetupError, match="there is no proposer") as refusal:
        choose_proposer(bench, wanted, "a-tag", NOTES)
    assert "replay:FOLDER" in refusal.value.remedy


@pytest.mark.parametrize("folder", [".", "./", "../{name}"])
def test_a_folder_that_is_named_is_replayed(bench: Bench, tmp_path: Path, folder: str) -> None:
    wanted = f"replay:{folder.format(name=tmp_path.name)}"
    assert choose_proposer(bench, wanted, "a-tag", NOTES).name == "replay"


def test_each_model_is_asked_at_its_own_address_with_its_own_key_as_the_policy_and_the_settings_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUTORESEARCH_MODEL", "gpt-5,qwen3:8b@http://localhost:11434/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-main")
    monkeypatch.setenv("AUTORESEARCH_REASONING_EFFORT", "low")
    hosted, local = endpoints_of(load_settings(), ModelPolicy(output_tokens=9000))
    assert (hosted.model, hosted.base_url, hosted.key) == ("gpt-5", "https://api.openai.com/v1", "sk-main")
    assert (local.model, local.base_url, local.key) == ("qwen3:8b", "http://localhost:11434/v1", "")
    assert (hosted.keep_alive, local.keep_alive) == ("", "30m")
    for endpoint in (hosted, local):
        assert (endpoint.max_output_tokens, endpoint.reasoning_effort) == (9000, "low")


def test_without_a_key_and_an_endpoint_there_is_no_model_to_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "AUTORESEARCH_MODEL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SetupError, match="no model to ask"):
        endpoints_of(load_settings(), ModelPolicy())


def bench_with_model(bench: Bench, **model: Any) -> Bench:
    settings = bench.settings.model_copy(update={"api_key": SecretStr("sk-test"), "model": "m"})
    policy = Policy(model=ModelPolicy.model_validate(model))
    return replace(bench, settings=settings, policy=policy, grant=NO_GPU)


PRICES = {"prices": {"m": {"input": 1.0, "output": 10.0}}}


def test_a_model_is_relieved_by_the_tuner_and_its_cost_is_said_before_anything_is_spent(bench: Bench) -> None:
    ready = bench_with_model(bench, **PRICES)
    proposer = choose_proposer(ready, "auto", "a-tag", NOTES)
    said: list[str] = []
    say_estimate(ready, proposer, Budget(hours=8.0), said.append)
    assert isinstance(proposer, Relay)
    assert (proposer.name, proposer.tuner.name) == ("openai:m", "tuner")
    (line,) = said
    assert re.match(r"m: about 96 requests, [\d,]+ tokens, \$\d+\.\d\d; each reads [\d,]+ tokens", line)


def test_a_model_without_a_price_is_told_and_the_tuner_costs_nothing(bench: Bench) -> None:
    ready = bench_with_model(bench)
    said: list[str] = []
    for wanted in ("openai", "tuner"):
        say_estimate(ready, choose_proposer(ready, wanted, "a-tag", NOTES), Budget(), said.append)
    assert len(said) == 2
    assert said[1] == "no price is known for m: the cap of $50.00 does not bind"


@pytest.mark.parametrize("caps", [{"dollars": 0.01, **PRICES}, {"tokens": 100}])
def test_a_cap_below_one_request_is_refused_before_anything_is_spent(
    bench: Bench, caps: dict[str, Any]
) -> None:
    with pytest.raises(SetupError, match="one request to m is expected to cost"):
        choose_proposer(bench_with_model(bench, **caps), "openai", "a-tag", NOTES)


def test_two_models_in_turn_are_each_reckoned_with_half_of_the_attempts(bench: Bench) -> None:
    ready = bench_with_model(bench, **PRICES)
    ready = replace(ready, settings=ready.settings.model_copy(update={"model": "m,n"}))
    said: list[str] = []
    proposer = choose_proposer(ready, "openai", "a-tag", NOTES)
    say_estimate(ready, proposer, Budget(experiments=10), said.append)
    assert [line.partition(",")[0] for line in said[:2]] == ["m: about 5 requests", "n: about 5 requests"]
    assert said[2].startswith("no price is known for n")


def test_the_policy_chooses_the_size_of_the_task(bench: Bench) -> None:
    policy = load_policy(TEMPLATE.parent / "policies" / "gpu-small.yaml")
    small = replace(bench, policy=policy, grant=NO_GPU)
    assert small.profile == small.task.profiles["gpu-small"]
    assert (small.shape.profile, small.shape.sequence_tokens) == ("gpu-small", 1024)
    assert replace(small, policy=Policy()).shape.profile == "cpu"


def test_a_size_that_the_task_has_not_is_refused(bench: Bench) -> None:
    policy = load_policy(TEMPLATE.parent / "policies" / "gpu-small.yaml")
    digits = replace(bench, policy=policy, task=load_task(TEMPLATE.parent / "tests" / "tasks" / "digits"))
    with pytest.raises(SetupError, match="has no profile gpu-small"):
        _ = digits.profile


def test_a_size_that_needs_a_card_is_refused_where_there_is_none(bench: Bench, tmp_path: Path) -> None:
    policy = load_policy(TEMPLATE.parent / "policies" / "gpu-small.yaml")
    small, data = replace(bench, policy=policy, grant=NO_GPU), write_bytes_as_tokens(tmp_path / "bytes")
    with (
        pytest.raises(SetupError, match="the profile gpu-small needs a card"),
        open_rig(small, "a", data, print),
    ):
        pass


def test_a_cap_below_one_request_is_refused_at_the_start_and_in_a_night_leaves_the_tuner(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-main")
    bench = replace(bench, settings=load_settings(), grant=NO_GPU)
    asked = choose_proposer(bench, "openai", "a-tag", NOTES)
    bench = replace(bench, policy=Policy(model=ModelPolicy(tokens=1)))
    with pytest.raises(SetupError, match="over 1 tokens"):
        choose_proposer(bench, "openai", "a-tag", NOTES)
    assert renewed(bench, asked, "a-tag", NOTES).name == "tuner"
