"""`autoresearch report` as it is called, for a run and for a table."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from orchestrator.cli import main
from tests.ledger.ledger_parts import run_night

UPSTREAM = Path(__file__).parents[1] / "ledger/data/mar8_results.tsv"


@pytest.fixture(autouse=True)
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AUTORESEARCH_RUNS", raising=False)
    run_night(tmp_path / "runs/night")
    return tmp_path / "runs/night"


def test_the_newest_run_is_reported_into_its_own_folder(
    night: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(
        "The best is 1.500000 bits per byte, 0.500000 (25.00%) below the baseline's 2.000000"
    )
    assert said.endswith("report: runs/night/report.html\n")
    assert (night / "report.html").exists()
    assert (night / "progress.png").exists()
    assert str(night.parent.parent) not in (night / "report.html").read_text()


def test_another_folder_is_made_and_the_runs_own_stays_as_it_is(night: Path) -> None:
    assert main(["report", "--tag", "night", "--out", "out/deeper"]) == 0
    assert {path.name for path in Path("out/deeper").iterdir()} == {"report.html", "progress.png"}
    assert not (night / "report.html").exists()


def test_a_broken_record_still_has_a_report_that_says_so(
    night: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = night / "audit.jsonl"
    log.write_text(log.read_text().replace('"value":2.5', '"value":0.5'))
    assert main(["report"]) == 6, "whoever waits for the exit code alone is told too"
    assert "a person is needed: the record is broken: audit.jsonl line 6" in capsys.readouterr().out
    assert "Broken: audit.jsonl line 6" in (night / "report.html").read_text()


def test_a_repository_that_is_gone_has_a_report_without_diffs(night: Path) -> None:
    shutil.rmtree(night / "repo.git")
    assert main(["report"]) == 6
    page = (night / "report.html").read_text()
    assert "Broken: " in page
    assert "[cannot be read: git diff-tree failed" in page


def test_a_table_of_results_is_reported_where_one_asks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["report", "--results", str(UPSTREAM), "--out", "upstream"]) == 0
    page = Path("upstream/report.html").read_text()
    assert "The best is 0.969686 bits per byte, 0.028214 (2.83%) below the baseline" in page
    assert "22 of 125 changes were kept" in page
    assert "halve batch 524K to 262K" in page
    assert "audit.jsonl" not in page
    assert main(["report", "--results", str(UPSTREAM)]) == 2
    assert "needs a place" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["--tag", "none"], ["--results", "none.tsv", "--out", "x"], ["--out", "file/x"]]
)
def test_what_cannot_be_reported_is_a_line_and_a_remedy(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("file").touch()
    assert main(["report", *words]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
