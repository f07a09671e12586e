from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.ledger.ledger_parts import run_night


@pytest.fixture(scope="session")
def finished_night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "night"
    run_night(folder)
    return folder


@pytest.fixture
def night(finished_night: Path, tmp_path: Path) -> Path:
    """A copy of one finished night: three attempts, the first and the third kept."""
    return Path(shutil.copytree(finished_night, tmp_path / "night"))
