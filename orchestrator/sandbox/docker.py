"""The real sandbox: one fresh pair of containers for each attempt, warmed before it is needed.

The train container runs the candidate; the model container holds the output volume from before
the training starts, reads it when the train container is gone, and then serves the model. While
one attempt trains, the next pair imports its framework.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from orchestrator.errors import SandboxError
from orchestrator.policy import BudgetPolicy, MetricPolicy
from orchestrator.records import Attempt, Outcome, ResultFile, Run
from orchestrator.sandbox.container import (
    ATTEMPT_LABEL,
    DATA_LABEL,
    MIB,
    Mode,
    Outfit,
    container_body,
    output_options,
)
from orchestrator.sandbox.crash import crash_reason, readable
from orchestrator.sandbox.engine import Engine, Exit
from orchestrator.sandbox.handover import RefusedResult, parse_handover
from orchestrator.sandbox.launch import Container, launch
from orchestrator.sandbox.model import DockerModel, hand_over, load
from orchestrator.sandbox.order import Shape, order_message
from orchestrator.sandbox.stream import BoundedLog
from orchestrator.text import sanitise_line

STALL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Pair:
    """A warm train container, the model container that holds its output, and that output."""

    run_id: str
    volume: str
    model: Container
    train: Container


class DockerSandbox:
    """Runs attempts and opens the models that they leave behind. Use as a context manager."""

    def __init__(
        self,
        engine: Engine,
        outfit: Outfit,
        shape: Shape,
        budget: BudgetPolicy,
        metric: MetricPolicy,
    ) -> None:
        self._engine = engine
        self._outfit = outfit
        self._shape = shape
        self._budget = budget
        self._metric = metric
        self._warmer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="warm")
        self._warm: Future[Pair] | None = None
        self._current: Pair | None = None
        self._doomed: list[Pair] = []
        self._files: Mapping[str, str] = {}

    def __enter__(self) -> DockerSandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, attempt: Attempt) -> Run:
        """Train one attempt. What the candidate did is in the Run; SandboxError is ours."""
        self._release()
        self._engine.begin_watch()
        pair = self._current = self._take_warm_pair()
        self._files = attempt.files
        pair.model.await_ready(self._budget.start_seconds)
        pair.train.await_ready(self._budget.start_seconds)
        try:
            run = self._train(pair, attempt)
        except SandboxError:
            self._discard_warm_pair()
            raise
        if not run.completed:
            self._release()
        return run

    @contextmanager
    def open(self, run: Run) -> Iterator[DockerModel]:
        """The model of the run that ended last; leaving removes its container and its output.

        Raises CandidateFault when it cannot be loaded.
        """
        pair = self._current
        if pair is None or pair.run_id != run.run_id:
            raise ValueError(f"the output of {run.run_id} is gone")
        try:
            load(pair.model, order_message(self._shape, self._files, mode="serve"), self._metric)
            yield DockerModel(pair.model, self._metric)
        finally:
            self._release()

    def close(self) -> None:
        """Remove whatever this sandbox still holds."""
        try:
            self._discard_warm_pair()
            self._release()
        finally:
            self._warmer.shutdown()
        if self._doomed:
            remedy = "run 'autoresearch reap' when the engine answers"
            raise SandboxError(f"{len(self._doomed)} pairs of containers are still there", remedy=remedy)

    def _take_warm_pair(self) -> Pair:
        warm, self._warm = self._warm, None
        return warm.result() if warm else self._launch_pair()

    def _discard_warm_pair(self) -> None:
        """Give up what was warmed beside a fault: its connection may be as dead as ours was."""
        if self._warm:
            with suppress(SandboxError):
                self._doomed.append(self._take_warm_pair())

    def _launch_pair(self) -> Pair:
        self._engine.check_volume(self._outfit.data_volume, DATA_LABEL)
        run_id = secrets.token_hex(6)
        outfit = replace(self._outfit, labels={**self._outfit.labels, ATTEMPT_LABEL: run_id})
        volume = f"autoresearch-out-{run_id}"
        self._engine.create_volume(volume, output_options(outfit.policy), outfit.labels)
        try:
            model = self._launch(outfit, outfit.serving, run_id, volume)
            try:
                train = self._launch(outfit, outfit.training, run_id, volume)
            except BaseException:
                model.remove()
                raise
        except BaseException:
            self._engine.remove_volume(volume)
            raise
        return Pair(run_id, volume, model, train)

    def _launch(self, outfit: Outfit, mode: Mode, run_id: str, volume: str) -> Container:
        body = container_body(outfit, mode, out_volume=volume)
        return launch(self._engine, body, f"autoresearch-{mode}-{run_id}")

    def _train(self, pair: Pair, attempt: Attempt) -> Run:
        log = BoundedLog(self._outfit.policy.log_kib * 1024)
        seconds = self._budget.train_seconds - self._budget.save_seconds
        order = order_message(
            self._shape, attempt.files, mode="train", seed=attempt.seed, seconds=seconds
        )
        go = time.monotonic()
        deadline = go + self._budget.train_seconds
        pair.train.stream.give(order, deadline)
        self._warm = self._warmer.submit(self._launch_pair)
        pair.train.stream.drain(log, deadline)
        exit_ = self._engine.wait_exit(pair.train.identity, deadline - time.monotonic())
        train_seconds = time.monotonic() - go
        if train_seconds > self._budget.train_seconds + STALL_SECONDS:
            message = f"the engine was silent for {train_seconds - self._budget.train_seconds:.0f} seconds"
            raise SandboxError(message, remedy="is the machine overloaded? the attempt is repeated")
        if train_seconds > self._budget.train_seconds:
            exit_ = None
            self._stop(pair.train, log)
        pair.train.remove()
        return self._describe(pair, exit_, train_seconds, log)

    def _stop(self, container: Container, log: BoundedLog) -> None:
        """TERM, a short grace to flush, KILL. Removal comes after, and is verified."""
        self._engine.signal(container.identity, "SIGTERM")
        deadline = time.monotonic() + self._budget.grace_seconds
        container.stream.drain(log, deadline)
        if self._engine.wait_exit(container.identity, deadline - time.monotonic()) is None:
            self._engine.signal(container.identity, "SIGKILL")

    def _describe(self, pair: Pair, exit_: Exit | None, train_seconds: float, log: BoundedLog) -> Run:
        run = Run(
            run_id=pair.run_id,
            outcome=Outcome.TIMED_OUT,
            reason=f"still running after {self._budget.train_seconds:g} seconds",
            train_seconds=train_seconds,
            exit_code=exit_.code if exit_ else None,
            oom_killed=exit_.oom_killed if exit_ else False,
            log=readable(log, self._outfit.policy.log_kib * 1024),
            log_bytes=log.total_bytes,
            container={"config_sha256": pair.train.config_sha256, "image": self._outfit.image},
        )
        if exit_ is None:
            return run
        if exit_.code != 0:
            self._engine.check_unbroken()
            return replace(run, outcome=Outcome.CRASHED, reason=crash_reason(exit_, run.log))
        try:
            result = self._hand_over(pair)
        except RefusedResult as refusal:
            return replace(run, outcome=Outcome.NO_RESULT, reason=sanitise_line(str(refusal), 200))
        return replace(run, outcome=Outcome.COMPLETED, reason="", result=result)

    def _hand_over(self, pair: Pair) -> ResultFile:
        limit = self._outfit.policy.output_mib * MIB
        return parse_handover(hand_over(pair.model, limit, self._metric))

    def _release(self) -> None:
        """Remove the current pair, and what could not be removed before; what cannot is tried again."""
        if self._current:
            self._doomed.append(self._current)
            self._current = None
        doomed, self._doomed = self._doomed, []
        for pair in doomed:
            try:
                self._remove(pair)
            except SandboxError:
                self._doomed.append(pair)

    def _remove(self, pair: Pair) -> None:
        try:
            pair.train.remove()
        finally:
            try:
                pair.model.remove()
            finally:
                self._engine.remove_volume(pair.volume)
