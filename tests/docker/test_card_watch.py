"""A card is looked at before each run and after it, around real containers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from orchestrator.errors import SandboxError
from orchestrator.policy import BudgetPolicy, MetricPolicy
from orchestrator.sandbox.card import WatchedCard
from orchestrator.sandbox.container import RUN_LABEL, Outfit
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.hygiene import MIB, CardState, Process
from orchestrator.sandbox.order import Shape
from tests.docker.conftest import ROW_TOKENS, attempt_of, candidate

pytestmark = pytest.mark.docker
TAG = f"tests-card-{os.getpid()}"
IDLE = CardState(4 * MIB, 80_000 * MIB)
HELD = CardState(4 * MIB, 80_000 * MIB, processes=(Process(4711, 512 * MIB),))
LOST = CardState(4 * MIB, 80_000 * MIB, xids=(79,))
KERNEL_FAULT = CardState(4 * MIB, 80_000 * MIB, xids=(31,))


@dataclass
class ScriptedLooks:
    """Answers with given states in order, then with an idle card; knows who was there at each look."""

    engine: Engine
    states: list[CardState] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def look(self) -> CardState:
        self.seen.append(str([c["Names"] for c in self.engine.containers(f"{RUN_LABEL}={TAG}")]))
        return self.states.pop(0) if self.states else IDLE

    def close(self) -> None: ...


@pytest.fixture
def looks(engine: Engine) -> ScriptedLooks:
    return ScriptedLooks(engine)


@pytest.fixture
def sandbox(engine: Engine, outfit: Outfit, looks: ScriptedLooks) -> Iterator[DockerSandbox]:
    budget = BudgetPolicy(train_seconds=60.0, save_seconds=1.0, grace_seconds=0.5, smoke=False)
    outfit = replace(outfit, labels={**outfit.labels, RUN_LABEL: TAG})
    shape, card = Shape("train.py", ROW_TOKENS, "cpu"), WatchedCard("GPU-aaaa", looks, 0.0)
    with DockerSandbox(engine, outfit, shape, budget, MetricPolicy(), card=card) as sandbox:
        yield sandbox
    assert engine.containers(f"{RUN_LABEL}={TAG}") == []


HONEST = attempt_of(candidate("honest"))


def test_nothing_trains_on_a_dirty_card_and_the_repeat_does(
    sandbox: DockerSandbox, looks: ScriptedLooks
) -> None:
    looks.states = [HELD]
    with pytest.raises(SandboxError, match="is not clean: still 512 MiB in use by process 4711"):
        sandbox.run(HONEST)
    assert sandbox.run(HONEST).completed


def test_what_a_card_broke_is_no_run_and_its_repeat_counts(
    sandbox: DockerSandbox, looks: ScriptedLooks
) -> None:
    looks.states = [IDLE, LOST]
    with pytest.raises(SandboxError, match="not scored: Xid 79: the card fell off the bus"):
        sandbox.run(HONEST)
    run = sandbox.run(HONEST)
    assert run.completed
    assert run.container["xids"] == []


def test_a_crash_that_the_card_explains_is_not_the_candidates_and_one_of_its_own_is(
    sandbox: DockerSandbox, looks: ScriptedLooks
) -> None:
    crashing = attempt_of(candidate("raises_at_step_one"))
    looks.states = [IDLE, LOST, IDLE, KERNEL_FAULT]
    with pytest.raises(SandboxError, match="Xid 79"):
        sandbox.run(crashing)
    run = sandbox.run(crashing)
    assert (run.outcome, run.container["xids"]) == ("crashed", ["31: a memory page fault"])


def test_the_card_is_judged_when_the_train_container_of_the_run_is_gone(
    sandbox: DockerSandbox, looks: ScriptedLooks
) -> None:
    run = sandbox.run(HONEST)
    before, after = looks.seen
    assert f"autoresearch-train-{run.run_id}" in before, "warm, and waiting for the word"
    assert f"autoresearch-train-{run.run_id}" not in after
    assert f"autoresearch-serve-{run.run_id}" in after, "it holds what is to be scored"
