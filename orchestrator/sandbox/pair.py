"""The two containers of one attempt and the volume between them, and how they are taken away."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

from orchestrator.errors import SandboxError, StuckContainer
from orchestrator.sandbox.container import (
    ATTEMPT_LABEL,
    DATA_LABEL,
    Mode,
    Outfit,
    container_body,
    output_options,
)
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.launch import Container, launch


@dataclass(frozen=True, slots=True)
class Pair:
    """A warm train container, the model container that holds its output, and that output.

    `outfit` is what both have in common: the run's own, with a label and a user of this attempt's.
    """

    run_id: str
    volume: str
    outfit: Outfit
    model: Container
    train: Container

    def removal_fault(self) -> SandboxError | None:
        """Remove all of it, each thing whatever became of the others; the gravest that went wrong."""
        remove_volume = partial(self.model.engine.remove_volume, self.volume)
        steps = (self.train.remove, self.model.remove, self._remove_unannounced, remove_volume)
        return gravest([fault_of(step) for step in steps])

    def _remove_unannounced(self) -> None:
        """Remove a container of this attempt that the engine made without being able to say so."""
        engine, known = self.model.engine, {self.train.identity, self.model.identity}
        for container in engine.containers(f"{ATTEMPT_LABEL}={self.run_id}"):
            if container["Id"] not in known:
                engine.remove(container["Id"], self.model.device)


def launch_pair(engine: Engine, outfit: Outfit) -> Pair:
    """Both containers of one attempt, started but not awaited. Nothing is left of a launch that fails."""
    engine.check_volume(outfit.data_volume, DATA_LABEL)
    run_id = secrets.token_hex(6)
    outfit = replace(outfit, labels={**outfit.labels, ATTEMPT_LABEL: run_id})
    volume = f"autoresearch-out-{run_id}"
    engine.create_volume(volume, output_options(outfit.policy, outfit.user), outfit.labels)
    try:
        model = _launch(engine, outfit, outfit.serving, run_id, volume)
        try:
            train = _launch(engine, outfit, outfit.training, run_id, volume)
        except BaseException:
            model.remove()
            raise
    except BaseException:
        engine.remove_volume(volume)
        raise
    return Pair(run_id, volume, outfit, model, train)


def launch_witness(engine: Engine, pair: Pair) -> Container:
    """A model container that has seen nothing, over the output of a pair."""
    body = container_body(pair.outfit, "hold", out_volume=pair.volume)
    return launch(engine, body, f"autoresearch-witness-{pair.run_id}")


def _launch(engine: Engine, outfit: Outfit, mode: Mode, run_id: str, volume: str) -> Container:
    body = container_body(outfit, mode, out_volume=volume)
    return launch(engine, body, f"autoresearch-{mode}-{run_id}")


def fault_of(step: Callable[[], None]) -> SandboxError | None:
    """Our fault in a step of cleaning up, so that the steps after it are made all the same."""
    try:
        step()
    except SandboxError as fault:
        return fault
    return None


def gravest(faults: Iterable[SandboxError | None]) -> SandboxError | None:
    """A container that cannot be ended, if there is one, else any other fault."""
    return max(filter(None, faults), key=lambda fault: isinstance(fault, StuckContainer), default=None)
