"""The smoke test in real containers: what it lets through and what it refuses."""

from __future__ import annotations

import pytest

from orchestrator.policy import BudgetPolicy
from orchestrator.records import Verdict
from orchestrator.sandbox.container import Outfit
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.order import Shape
from orchestrator.sandbox.smoke import SmokeGate
from tests.docker.conftest import ROW_TOKENS, attempt_of, candidate

pytestmark = pytest.mark.docker

AHEAD = candidate("honest").replace("self.table(tokens)", "self.table(tokens.roll(-1, dims=1))")


def review(engine: Engine, outfit: Outfit, source: str) -> Verdict:
    gate = SmokeGate(engine, outfit, Shape("train.py", ROW_TOKENS, "cpu"), BudgetPolicy())
    return gate.review(attempt_of(source))


def test_honest_code_passes(engine: Engine, outfit: Outfit) -> None:
    assert review(engine, outfit, candidate("honest")).allowed


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (candidate("raises_at_step_one"), "ArithmeticError: at step one"),
        (candidate("no_checkpoint"), "result.json was not saved"),
        (AHEAD, "predictions used later tokens"),
    ],
    ids=["step", "save", "ahead"],
)
def test_what_cannot_train_save_or_wait_is_refused(
    engine: Engine, outfit: Outfit, source: str, reason: str
) -> None:
    (objection,) = review(engine, outfit, source).objections
    assert objection.code == "smoke"
    assert reason in objection.message
