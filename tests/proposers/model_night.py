"""A night of doubles whose proposer is real: a model behind an endpoint, relieved by the real tuner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.budget import Budget
from orchestrator.ledger.folder import Origin
from orchestrator.ledger.git import GitLedger
from orchestrator.loop import run_night
from orchestrator.policy import EditPolicy, ModelPolicy, Price
from orchestrator.ports import Ledger
from orchestrator.proposers.endpoint import Endpoint
from orchestrator.proposers.openai import OpenAIProposer
from orchestrator.proposers.prompt import PromptBuilder
from orchestrator.proposers.relay import Relay
from orchestrator.proposers.tuner import ConstantTuner
from orchestrator.records import Attempt, Run
from tests.lab_parts import Night, completed

SOURCE = "DEPTH = 3\nWIDTH = 64\nRATE = 0.1\n\n\ndef main():\n    pass\n"
TEMPLATE = {"train.py": SOURCE}
ORIGIN = Origin(task="toy", files=TEMPLATE, policy_digest="d" * 64, version="0.1.0")
PRICE = Price(input=10.0, output=100.0, cached=1.0)
ANSWER_DOLLARS = (120 * PRICE.input + 30 * PRICE.output) / 1e6


@dataclass
class Clock:
    """Seconds that pass when a run does."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def model_at(base_url: str) -> OpenAIProposer:
    prompt = PromptBuilder(
        agenda="Lower the metric.", edit=EditPolicy(), entry_file="train.py", entry_points={"main": 0}
    )
    endpoint = Endpoint(
        model="test-model",
        api_key="",
        base_url=base_url,
        max_retries=0,
        request_seconds=0.5,
        total_seconds=5.0,
    )
    return OpenAIProposer(endpoint, prompt, name="openai:test-model")


def night_with(
    base_url: str, policy: ModelPolicy, ledger: Ledger | None = None, run_seconds: float = 60.0
) -> Night:
    """Nothing ever beats the baseline, and the relay's clock goes `run_seconds` on with each run."""
    clock = Clock()

    def run(attempt: Attempt) -> Run:
        clock.now += run_seconds
        return completed(attempt)

    night = Night(ledger=ledger, template=TEMPLATE, values=[1.0] * 99, run=run)
    tuner = ConstantTuner(gpu=False)
    night.proposer = Relay(model_at(base_url), tuner, policy, clock, night.book.record)
    return night


def run_on_disk(folder: Path, base_url: str, experiments: int, at: Callable[[str], None]) -> None:
    with GitLedger(folder, ORIGIN, at=at) as ledger:
        policy = ModelPolicy(prices={"test-model": PRICE}, requests=2)
        run_night(night_with(base_url, policy, ledger).lab(), Budget(experiments=experiments))
        ledger.record("night_ended", reason="done")


def killed_at(folder: Path, base_url: str, step: str, occurrence: int) -> int:
    """The same in a process that kills itself at a step of the record; its exit status."""
    command = [sys.executable, "-m", "tests.proposers.model_night", str(folder), base_url, step]
    return subprocess.run([*command, str(occurrence)], check=False, timeout=60).returncode


def _main(folder: str, base_url: str, fatal: str, occurrence: str) -> None:
    left = int(occurrence)

    def die(step: str) -> None:
        nonlocal left
        left -= step == fatal
        if left == 0 and step == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    run_on_disk(Path(folder), base_url, 9, die)


if __name__ == "__main__":
    _main(*sys.argv[1:])
