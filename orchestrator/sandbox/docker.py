"""The real sandbox: one fresh pair of containers for each attempt, warmed before it is needed.

The train container runs the candidate; the model container holds the output volume from before
the training starts, reads it when the train container is gone, and then serves the model. While
one attempt trains, the next pair imports its framework.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial

from orchestrator.errors import SandboxError, StuckContainer
from orchestrator.futility import hopeless
from orchestrator.policy import BudgetPolicy, MetricPolicy
from orchestrator.records import Attempt, Curve, Outcome, ResultFile, Run
from orchestrator.sandbox.card import CardWatch, watch_card
from orchestrator.sandbox.container import MIB, TRAINING_USERS, Outfit
from orchestrator.sandbox.crash import crash_reason, readable
from orchestrator.sandbox.ending import end
from orchestrator.sandbox.engine import Engine, Exit
from orchestrator.sandbox.handover import RefusedResult, parse_handover
from orchestrator.sandbox.launch import Container
from orchestrator.sandbox.model import DockerModel, hand_over, load
from orchestrator.sandbox.order import Shape, order_message
from orchestrator.sandbox.pair import Pair, gravest, launch_pair, launch_witness
from orchestrator.sandbox.progress import Judge, Progress, never
from orchestrator.sandbox.stream import BoundedLog
from orchestrator.text import sanitise_line

STALL_SECONDS = 5.0


class DockerSandbox:
    """Runs attempts and opens the models that they leave behind. Use as a context manager."""

    def __init__(  # noqa: PLR0913 - five parts, and a watch that follows from one of them
        self,
        engine: Engine,
        outfit: Outfit,
        shape: Shape,
        budget: BudgetPolicy,
        metric: MetricPolicy,
        *,
        card: CardWatch | None = None,
    ) -> None:
        self._engine = engine
        self._card = card or watch_card(outfit.grant)
        self._outfit = outfit
        self._shape = shape
        self._budget = budget
        self._metric = metric
        self._warmer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="warm")
        self._users = itertools.cycle(random.sample(TRAINING_USERS, len(TRAINING_USERS)))
        self._warm: Future[Pair] | None = None
        self._watch = 0
        self._current: Pair | None = None
        self._doomed: list[Pair] = []
        self._files: Mapping[str, str] = {}
        self._ended_early = 0
        self.went: float | None = None
        """When the run in progress was told to go, on the monotonic clock; for people to look at."""

    def __enter__(self) -> DockerSandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, attempt: Attempt, *, best_progress: Curve = ()) -> Run:
        """Train one attempt. What the candidate did is in the Run; SandboxError is ours."""
        if isinstance(fault := self._release(), StuckContainer):
            raise fault
        watch = self._engine.begin_watch()
        if watch != self._watch:  # the engine was away, and what it had warmed went with it
            self._discard_warm_pair()
        self._watch = watch
        pair = self._current = self._take_warm_pair()
        self._files = attempt.files
        pair.model.await_ready(self._budget.start_seconds)
        pair.train.await_ready(self._budget.start_seconds)
        self._card.before_run(pair.train.identity)
        try:
            run = self._train(pair, attempt, self._judge(best_progress))
        except SandboxError:
            self._discard_warm_pair()
            raise
        finally:
            self.went = None
        if not run.completed:
            self._release()
        if run.outcome is Outcome.STOPPED:
            self._ended_early += 1
        elif run.completed and best_progress:
            self._ended_early = 0
        return run

    @contextmanager
    def open(self, run: Run, *, keep: bool = False) -> Iterator[DockerModel]:
        """See the port. A fresh container that is to hold the output starts before this one goes."""
        pair = self._current
        if pair is None or pair.run_id != run.run_id:
            raise ValueError(f"the output of {run.run_id} is gone")
        fresh = self._warmer.submit(launch_witness, self._engine, pair) if keep else None
        try:
            load(pair.model, order_message(self._shape, self._files, mode="serve"), self._metric)
            yield DockerModel(pair.model, self._metric)
        finally:
            if fresh:
                self._hand_on(pair, fresh)
            else:
                self._release()

    def release(self, run: Run) -> None:
        """See the port."""
        if self._current and self._current.run_id == run.run_id:
            self._release()

    def close(self) -> None:
        """Remove whatever this sandbox still holds."""
        try:
            self._discard_warm_pair()
            fault = self._release()
        finally:
            self._warmer.shutdown()
            self._card.close()
        if isinstance(fault, StuckContainer):
            raise fault
        if fault:
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
        return launch_pair(self._engine, replace(self._outfit, user=next(self._users)))

    def _hand_on(self, pair: Pair, fresh: Future[Container]) -> None:
        """Give the output to a fresh container, and end the one in which candidate code has run."""
        try:
            holder = fresh.result()
            self._current = replace(pair, model=holder)
            holder.await_ready(self._budget.start_seconds)
        finally:
            pair.model.remove()

    def _judge(self, best_progress: Curve) -> Judge:
        """Who ends hopeless runs; nobody where the policy does not, or after too many in a row."""
        if not self._budget.futility or self._ended_early >= self._budget.futility_in_a_row:
            return never
        return partial(hopeless, best=best_progress, rules=self._budget)

    def _train(self, pair: Pair, attempt: Attempt, judge: Judge) -> Run:
        log = BoundedLog(self._outfit.policy.log_kib * 1024)
        seconds = self._budget.train_seconds - self._budget.save_seconds
        order = order_message(self._shape, attempt.files, mode="train", seed=attempt.seed, seconds=seconds)
        go = self.went = time.monotonic()
        deadline = go + self._budget.train_seconds
        pair.train.stream.give(order, deadline)
        self._warm = self._warmer.submit(self._launch_pair)
        progress = Progress(lambda: (time.monotonic() - go) / self._budget.train_seconds, judge)
        pair.train.stream.drain(log, deadline, progress)
        verdict, exit_ = progress.verdict, None
        if not verdict:
            exit_ = self._engine.wait_exit(pair.train.identity, deadline - time.monotonic())
        train_seconds, overrun_seconds = time.monotonic() - go, 0.0
        if verdict or train_seconds > self._budget.train_seconds:
            exit_ = None
            ends_at = min(deadline, go + train_seconds) + self._budget.grace_seconds
            overrun_seconds = end(pair.train, log, ends_at)
        pair.train.remove()
        late = train_seconds - self._budget.train_seconds
        if late > STALL_SECONDS:
            message = f"the engine was silent for {late:.0f} seconds"
            raise SandboxError(message, remedy="is the machine overloaded? the attempt is repeated")
        facts = self._card.after_run()
        run = self._describe(pair, exit_, train_seconds, log, overrun_seconds)
        if verdict:
            run = replace(run, outcome=Outcome.STOPPED, reason=verdict)
        return replace(run, progress=progress.curve, container={**run.container, **facts})

    def _describe(
        self, pair: Pair, exit_: Exit | None, train_seconds: float, log: BoundedLog, overrun_seconds: float
    ) -> Run:
        run = Run(
            run_id=pair.run_id,
            outcome=Outcome.TIMED_OUT,
            reason=f"still running after {self._budget.train_seconds:g} seconds",
            train_seconds=train_seconds,
            exit_code=exit_.code if exit_ else None,
            oom_killed=exit_.oom_killed if exit_ else False,
            log=readable(log, self._outfit.policy.log_kib * 1024),
            log_bytes=log.total_bytes,
            overrun_seconds=overrun_seconds,
            container={
                "config_sha256": pair.train.config_sha256,
                "image": self._outfit.image,
                "user": pair.outfit.user,
            },
        )
        if exit_ is None:
            return run
        if exit_.code != 0:
            self._engine.check_unbroken(exit_)
            return replace(run, outcome=Outcome.CRASHED, reason=crash_reason(exit_, run.log))
        try:
            result = self._hand_over(pair)
        except RefusedResult as refusal:
            return replace(run, outcome=Outcome.NO_RESULT, reason=sanitise_line(str(refusal), 200))
        return replace(run, outcome=Outcome.COMPLETED, reason="", result=result)

    def _hand_over(self, pair: Pair) -> ResultFile:
        limit = self._outfit.policy.output_mib * MIB
        return parse_handover(hand_over(pair.model, limit, self._metric))

    def _release(self) -> SandboxError | None:
        """Remove the current pair, and what could not be removed before.

        What cannot is tried again the next time; returned is the gravest reason.
        """
        if self._current:
            self._doomed.append(self._current)
            self._current = None
        faults = [(pair, pair.removal_fault()) for pair in self._doomed]
        self._doomed = [pair for pair, fault in faults if fault]
        return gravest(fault for _, fault in faults)
