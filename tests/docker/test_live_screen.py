"""`autoresearch run` on a real terminal, with real containers: what a candidate prints stays letters."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestrator.data import DataFolder
from orchestrator.sandbox.engine import Engine
from tests.docker.conftest import candidate
from tests.docker.workshop import Workshop, set_up
from tests.terminal import Programme, Terminal

pytestmark = pytest.mark.docker

CODES = "\\x1b[2J\\x1b[9A\\x1b]0;owned\\x07\\x9b5m\\u202egone"
HOSTILE = f"""

def main() -> None:
    print("{CODES}", flush=True)
    raise ValueError("{CODES} said the candidate")
"""
SLOW = """

def main() -> None:
    import time
    time.sleep(4)
    model, loss = train()
    harness.save(model, {"vocab": harness.vocab_size()}, {"train_loss": loss})
"""


def test_a_night_on_a_terminal_counts_down_and_no_candidate_writes_to_it(
    tmp_path: Path, data: DataFolder, engine: Engine
) -> None:
    honest = candidate("honest")
    set_up(tmp_path, honest + SLOW, [honest + HOSTILE])
    workshop = Workshop(tmp_path, data.path, engine)
    words = workshop.command("run", "--tag", "seen", "--proposer", "replay:proposals", "--experiments", "2")
    programme = Programme(
        words[1:], terminal=Terminal(100), folder=tmp_path, environment=workshop.environment()
    )
    try:
        terminal = programme.until(lambda screen: bool(countdown(screen.lines)), 120)
        assert 50 <= countdown(terminal.lines)[0] <= 60, "from the word to go, not from the set-up"
        assert programme.finish(120) == 0
    finally:
        programme.kill()
    assert terminal.foreign == []
    assert [line[:13] for line in terminal.lines if re.match(r"000\d  (keep|discard)", line)] == [
        "0001  keep   ",
        "0002  discard",
    ]
    assert any("said the candidate" in line for line in terminal.lines)
    assert not any(line.startswith(("trains", "spent", "card")) for line in terminal.lines)


def countdown(lines: list[str]) -> list[int]:
    found = (re.search(r"trains .* (\d+) s left of 60 s", line) for line in lines)
    return [int(match[1]) for match in found if match]
