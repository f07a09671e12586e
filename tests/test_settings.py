"""What this machine tells the program: from the environment or a `.env` file, and never in a log."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.errors import SetupError
from orchestrator.settings import load_settings

SECRET = "sk-very-secret"  # noqa: S105 - a made-up one


@pytest.fixture(autouse=True)
def _bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder to start in, and no variable of ours set."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith(("AUTORESEARCH_", "OPENAI_", "DOCKER_")):
            monkeypatch.delenv(name)


def test_a_bare_machine_has_defaults_and_no_model() -> None:
    settings = load_settings()
    assert (settings.runs, settings.data, settings.gpu) == (Path("runs"), Path("data"), "")
    assert settings.has_model is False


def test_a_file_beside_the_run_is_read_and_the_environment_is_stronger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={SECRET}\nAUTORESEARCH_MODEL=small\nUNKNOWN=1\n")
    monkeypatch.setenv("AUTORESEARCH_MODEL", "large")
    settings = load_settings()
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == SECRET
    assert (settings.model, settings.has_model) == ("large", True)


@pytest.mark.parametrize(
    ("variables", "has_model"),
    [
        ({"OPENAI_API_KEY": SECRET}, True),
        ({"OPENAI_API_KEY": ""}, False),
        ({"OPENAI_BASE_URL": "http://localhost:8000/v1"}, True),
        ({"OPENAI_BASE_URL": ""}, False),
        ({"OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""}, False),
    ],
)
def test_a_key_or_an_endpoint_of_ones_own_is_a_model_and_an_empty_variable_is_neither(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], has_model: bool
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.has_model is has_model
    assert settings.base_url.startswith("http")


def test_an_empty_line_in_the_file_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=\nOPENAI_BASE_URL=\nAUTORESEARCH_MODEL_SECONDS=\n")
    settings = load_settings()
    assert (settings.has_model, settings.model_seconds) == (False, 300.0)


@pytest.mark.parametrize("name", ["RUNS", "DATA", "IMAGE", "GPU", "MODEL", "MODEL_SECONDS"])
def test_an_empty_variable_is_as_if_it_were_not_there(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    without = load_settings()
    monkeypatch.setenv(f"AUTORESEARCH_{name}", "")
    assert load_settings() == without


def test_the_engine_s_address_is_read_from_the_file_too_and_the_environment_is_stronger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings().docker_host == ""
    (tmp_path / ".env").write_text("DOCKER_HOST=unix:///run/user/1000/docker.sock\n")
    assert load_settings().docker_host == "unix:///run/user/1000/docker.sock"
    monkeypatch.setenv("DOCKER_HOST", "unix:///other.sock")
    assert load_settings().docker_host == "unix:///other.sock"


def test_the_key_is_in_no_text_about_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    settings = load_settings()
    for text in (repr(settings), str(settings), settings.model_dump_json(), repr(settings.model_dump())):
        assert SECRET not in text


@pytest.mark.parametrize("value", ["soon", "0", "-1", "inf", "nan", "86401"])
def test_a_bad_value_is_one_line_that_names_the_variable(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("AUTORESEARCH_MODEL_SECONDS", value)
    with pytest.raises(SetupError, match=r"settings: model_seconds: .*") as error:
        load_settings()
    assert "\n" not in error.value.message
    assert SECRET not in str(error.value)


def test_several_models_each_have_a_name_and_may_have_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [model.name for model in load_settings().models] == ["gpt-5"]
    monkeypatch.setenv("AUTORESEARCH_MODEL", "gpt-5, qwen3:8b@http://localhost:11434/v1,x@2025@https://h/v1")
    settings = load_settings()
    assert [(model.name, model.base_url) for model in settings.models] == [
        ("gpt-5", ""),
        ("qwen3:8b", "http://localhost:11434/v1"),
        ("x@2025", "https://h/v1"),
    ]
    assert settings.has_model is True


@pytest.mark.parametrize("value", ["a,", ",", "a b", "@http://localhost/v1", "a,,b"])
def test_a_list_of_models_with_a_hole_is_one_line(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("AUTORESEARCH_MODEL", value)
    with pytest.raises(SetupError, match="settings: model: is not a list"):
        _ = load_settings().models


def test_a_key_goes_to_no_other_host_than_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    assert load_settings().key_of("https://api.openai.com/v1") == SECRET
    assert load_settings().key_of("http://localhost:11434/v1") == ""
    monkeypatch.setenv("AUTORESEARCH_MODEL_KEYS", "models.example=sk-other, localhost:8000=sk-mine")
    settings = load_settings()
    assert settings.key_of("https://api.openai.com/v1") == SECRET
    assert settings.key_of("https://models.example/v1") == "sk-other"
    assert settings.key_of("http://localhost:8000/v1") == "sk-mine"
    assert settings.key_of("http://localhost:8001/v1") == ""
    assert settings.key_of("https://models.example.evil/v1") == ""
    assert "sk-other" not in repr(settings) + settings.model_dump_json()


@pytest.mark.parametrize("value", ["sk-very-secret", "host=", "=sk-very-secret", "a=b,"])
def test_keys_that_are_no_list_are_refused_without_repeating_them(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("AUTORESEARCH_MODEL_KEYS", value)
    with pytest.raises(SetupError, match="model_keys: is not a list of HOST=KEY") as error:
        load_settings().key_of("http://localhost/v1")
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("REASONING_EFFORT", "Very High"), ("TEMPERATURE", "3"), ("TEMPERATURE", "nan"), ("KEEP_ALIVE", "soon")],
)
def test_a_bad_value_for_the_model_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"AUTORESEARCH_{name}", value)
    with pytest.raises(SetupError, match=f"settings: {name.lower()}: "):
        load_settings()


def test_a_file_that_is_no_text_is_our_error(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"OPENAI_API_KEY=\xff\xfe\n")
    with pytest.raises(SetupError, match=r"\.env"):
        load_settings()
