"""How the parts are chosen, where no engine is needed for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.assembly import Bench, choose_proposer
from orchestrator.errors import SetupError
from orchestrator.policy import Policy
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
