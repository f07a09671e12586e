"""What follows a night: its report and word of it, and nothing of that can lose the night."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from pydantic import SecretStr

from orchestrator.cli import ended
from orchestrator.errors import SandboxError, SetupError
from orchestrator.ledger.git import GitLedger
from orchestrator.ledger.verification import verify_run
from orchestrator.morning import Morning
from orchestrator.settings import Settings, load_settings
from tests.ledger.ledger_parts import ORIGIN, run_night
from tests.test_webhook import Server

KEY = "sk-a-very-secret-key"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def night(tmp_path: Path) -> Path:
    run_night(tmp_path / "night")
    return tmp_path / "night"


def settings(url: str = "") -> Settings:
    return Settings(webhook=SecretStr(url) if url else None, api_key=SecretStr(KEY), _env_file=None)


def sit(folder: Path, settings_: Settings, *, end: BaseException | None = None, begins: bool = True) -> None:
    began = Event()
    with Morning(settings_, folder, began), GitLedger(folder, ORIGIN) as ledger:
        if begins:
            ledger.record(
                "night_began", proposer="tuner", gpu=None, image="sha256:1", data_sha256="", versions={}
            )
            began.set()
        if end:
            raise end
        ledger.record("night_ended", reason="the time is up")


def test_a_night_leaves_its_report_in_the_run_folder(night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sit(night, settings())
    assert (night / "progress.png").read_bytes().startswith(b"\x89PNG")
    page = (night / "report.html").read_text()
    assert "The best is 1.500000" in page
    assert "still running" not in page
    said = capsys.readouterr()
    assert said.out == f"report: {night}/report.html\n"
    assert said.err == ""
    assert verify_run(night) == []
    assert not list(night.glob(".*.tmp"))


def test_a_night_that_stopped_with_an_error_leaves_its_report_and_its_error(
    night: Path, server: Server
) -> None:
    with pytest.raises(SandboxError, match="the engine went away"):
        sit(night, settings(server.url), end=SandboxError(f"the engine went away {KEY}"))
    assert "the last start did not end by itself" in (night / "report.html").read_text()
    ((_, _, word),) = server.posted
    assert word["event"] == "alarm"
    needs = word["needs"]
    assert isinstance(needs, list)
    assert needs[0] == "the run stopped with SandboxError: see its console"


def test_the_webhook_is_told_the_answer_and_no_secret(night: Path, server: Server) -> None:
    sit(night, settings(server.url))
    ((_, _, word),) = server.posted
    assert (word["event"], word["run"], word["reason"]) == ("ended", "night", "the time is up")
    assert (word["best"], word["best_attempt"], word["baseline"]) == (1.5, 3, 2.0)
    assert (word["attempts"], word["kept"], word["needs"]) == (3, 1, [])
    assert "The best is 1.500000" in str(word["text"])
    everything = json.dumps(word) + (night / "report.html").read_text() + (night / "audit.jsonl").read_text()
    for secret in (KEY, "a-secret-path", str(night.parent)):
        assert secret not in everything.replace(f"git --git-dir {night}", "")


def test_where_no_report_is_wanted_none_is_made(night: Path) -> None:
    sit(night, settings().model_copy(update={"report": False}))
    assert not (night / "report.html").exists()


def test_a_start_that_failed_before_the_night_began_tells_nobody(night: Path, server: Server) -> None:
    with pytest.raises(SetupError):
        sit(night, settings(server.url), end=SetupError("no engine"), begins=False)
    assert server.posted == []
    assert not (night / "report.html").exists()


def test_a_report_that_cannot_be_made_is_one_line_and_the_night_ends_as_it_did(
    night: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (night / "report.html").mkdir()
    sit(night, settings())
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "the report could not be made: report.html cannot be written" in said[0]
    with pytest.raises(KeyboardInterrupt):
        sit(night, settings(), end=KeyboardInterrupt())


def test_a_record_that_somebody_broke_meanwhile_does_not_hide_how_the_night_ended(
    night: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def verb() -> int:
        began = Event()
        began.set()
        with Morning(settings(), night, began):
            os.truncate(night / "audit.jsonl", 0)
            raise SandboxError("the engine went away")

    assert ended(verb) == 4
    said = capsys.readouterr().err.splitlines()
    assert "the report could not be made: audit.jsonl is empty" in said[0]
    assert said[1] == "autoresearch: the engine went away"


def test_a_webhook_that_does_not_answer_is_one_line_without_its_address(
    night: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.status = 500
    sit(night, settings(server.url))
    said = capsys.readouterr()
    assert said.err == "autoresearch: the webhook did not get word: it answered 500\n"
    assert (night / "report.html").exists()


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "hooks.example.org/x", "https://", "https://a b", "ftp://x/y"]
)
def test_a_setting_that_is_no_web_address_is_refused_and_not_quoted(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUTORESEARCH_WEBHOOK", url)
    with pytest.raises(SetupError, match="WEBHOOK is not an address") as refused:
        load_settings()
    assert url not in str(refused.value)
    monkeypatch.setenv("AUTORESEARCH_WEBHOOK", "https://hooks.example.org/x?token=1")
    assert load_settings().webhook is not None
