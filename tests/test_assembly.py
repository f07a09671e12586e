"""How the parts are chosen, where no engine is needed for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.assembly import Bench, choose_proposer, endpoints_of
from orchestrator.errors import SetupError
from orchestrator.policy import ModelPolicy, Policy
from orchestrator.settings import load_settings
from orchestrator.task import load_task

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
        choose_proposer(bench, wanted, "a-tag", print)
    assert "replay:FOLDER" in refusal.value.remedy


@pytest.mark.parametrize("folder", [".", "./", "../{name}"])
def test_a_folder_that_is_named_is_replayed(bench: Bench, tmp_path: Path, folder: str) -> None:
    wanted = f"replay:{folder.format(name=tmp_path.name)}"
    assert choose_proposer(bench, wanted, "a-tag", print).name == "replay"


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
