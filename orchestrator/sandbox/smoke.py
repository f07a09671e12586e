"""The smoke test: two steps on tiny shapes in a sealed CPU container, so that a typo costs seconds."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace

from orchestrator.policy import BudgetPolicy
from orchestrator.records import Attempt, Objection, Verdict
from orchestrator.sandbox.container import (
    ATTEMPT_LABEL,
    SMOKE_USERS,
    Outfit,
    container_body,
    output_options,
)
from orchestrator.sandbox.crash import crash_reason, readable
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.gpu import NO_GPU
from orchestrator.sandbox.launch import Container, launch
from orchestrator.sandbox.order import Shape, order_message
from orchestrator.sandbox.stream import BoundedLog

LOG_BYTES = 64 * 1024


class SmokeGate:
    """The port `Gate` over a container: the model builds, steps, saves, reloads and is causal."""

    def __init__(self, engine: Engine, outfit: Outfit, shape: Shape, budget: BudgetPolicy) -> None:
        self._engine = engine
        self._outfit = replace(outfit, grant=NO_GPU)
        self._shape = shape
        self._budget = budget

    def review(self, attempt: Attempt) -> Verdict:
        """Raises SandboxError when the engine failed."""
        self._engine.begin_watch()
        run_id = secrets.token_hex(6)
        labels = {**self._outfit.labels, ATTEMPT_LABEL: run_id}
        outfit = replace(self._outfit, labels=labels, user=secrets.choice(SMOKE_USERS))
        volume = f"autoresearch-smoke-{run_id}"
        self._engine.create_volume(volume, output_options(outfit.policy, outfit.user), outfit.labels)
        try:
            body = container_body(outfit, "smoke", out_volume=volume)
            container = launch(self._engine, body, f"autoresearch-smoke-{run_id}")
            try:
                return self._test(container, attempt)
            finally:
                container.remove()
        finally:
            self._engine.remove_volume(volume)

    def _test(self, container: Container, attempt: Attempt) -> Verdict:
        container.await_ready(self._budget.start_seconds)
        seconds = self._budget.smoke_seconds
        deadline = time.monotonic() + seconds
        log = BoundedLog(LOG_BYTES)
        order = order_message(self._shape, attempt.files, mode="smoke", seconds=seconds)
        container.stream.give(order, deadline)
        container.stream.drain(log, deadline)
        exit_ = self._engine.wait_exit(container.identity, deadline - time.monotonic())
        if exit_ is None:
            return _refusal(f"two tiny steps took longer than {seconds:g} seconds")
        if exit_.code != 0:
            self._engine.check_unbroken(exit_)
            text = readable(log, LOG_BYTES)
            return replace(_refusal(crash_reason(exit_, text)), log=text)
        return Verdict()


def _refusal(message: str) -> Verdict:
    return Verdict((Objection("smoke", f"the smoke test failed: {message}"),))
