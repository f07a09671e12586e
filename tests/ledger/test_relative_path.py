"""A ledger that is named by a relative path."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.ledger.verification import verify_run
from tests.ledger.ledger_parts import run_night


def test_a_ledger_below_the_current_folder_works_and_writes_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    (here / "runs").mkdir(parents=True)
    monkeypatch.chdir(here)
    run_night(Path("runs/night"))
    assert verify_run(Path("runs/night")) == []
    assert verify_run(here / "runs" / "night") == []
    outside = [path for path in tmp_path.rglob("*") if not path.is_relative_to(here / "runs" / "night")]
    assert outside == [here, here / "runs"]
