"""Puts the parts together for the command line: from settings, policy and task to a working lab."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from orchestrator.arrays import load_arrays
from orchestrator.data import Prepared, load_data
from orchestrator.errors import SetupError
from orchestrator.gate import PolicyGate
from orchestrator.policy import Policy, SandboxPolicy, load_policy
from orchestrator.ports import Gate, Scorer
from orchestrator.preparation import Remembering
from orchestrator.records import Measure
from orchestrator.sandbox.container import DEVICE_LABEL, RUN_LABEL, Outfit
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.engine_facts import EngineFacts
from orchestrator.sandbox.flags import recorded_flags
from orchestrator.sandbox.gpu import Grant, check_runtime, choose_grant, find_gpus
from orchestrator.sandbox.hardening import obstacles
from orchestrator.sandbox.order import Shape
from orchestrator.sandbox.ownership import OWNER_LABEL, guarded, owner_of, reap
from orchestrator.sandbox.quarantine import CPU, Quarantine
from orchestrator.sandbox.smoke import SmokeGate
from orchestrator.sandbox.volumes import DataFile, fill_data_volume
from orchestrator.scoring.choice import check_measure, choose_scorer
from orchestrator.settings import Settings
from orchestrator.task import Profile, Size, Task, TextProfile, load_task

SHARE_OF_MEMORY = 0.8
RECORDS_MIB = 256
PROJECT = Path(__file__).resolve().parent.parent
SECCOMP = PROJECT / "policies" / "seccomp.json"
DEFAULT_POLICY = PROJECT / "policies" / "default.yaml"


@dataclass(frozen=True)
class Bench:
    """Engine, card, task and policy of one command, as they are in force on this machine."""

    settings: Settings
    policy: Policy
    task: Task
    engine: Engine
    facts: EngineFacts
    grant: Grant
    policy_path: Path | None = None

    @property
    def profile_name(self) -> Size:
        """The policy's choice, else the device's."""
        wanted = self.policy.metric.profile
        return wanted if wanted != "auto" else self.device_kind

    @property
    def device_kind(self) -> Literal["cpu", "gpu"]:
        return "gpu" if self.grant.gpu else "cpu"

    @property
    def device_name(self) -> str:
        """The one device that training runs on, as quarantine knows it."""
        return self.grant.gpu.identity if self.grant.gpu else CPU

    @property
    def profile(self) -> Profile:
        """Raises SetupError when the task has none of that size."""
        found = self.task.profiles.get(self.profile_name)
        if found is None:
            message = f"the task {self.task.name} has no profile {self.profile_name}"
            raise SetupError(message, remedy="add it to task.yaml, or set metric.profile: auto")
        return found

    @cached_property
    def outfit(self) -> Outfit:
        """The containers' common part; limits never exceed what the engine's machine has."""
        policy = self.policy.sandbox
        if obstacle := next(obstacles(self.facts, policy.runtime), None):
            message = f"the engine cannot hold this policy: {obstacle.message}"
            raise SetupError(message, remedy=obstacle.remedy)
        return Outfit(
            image=self.engine.image_id(self.settings.image),
            policy=policy.model_copy(update={"memory_mib": self._memory_mib(policy)}),
            seccomp=SECCOMP.read_text(encoding="utf-8"),
            cpus=min(policy.cpus, float(self.facts.cpus)),
            labels={},
            grant=self.grant,
        )

    @property
    def shape(self) -> Shape:
        profile = self.profile
        tokens = profile.sequence_tokens if isinstance(profile, TextProfile) else None
        return Shape(self.task.entry_file, tokens, self.grant.device, self.profile_name)

    @property
    def measure(self) -> Measure:
        return self.task.measure(self.policy.metric)

    def data_path(self, source: str = "") -> Path:
        """Where the profile's data lies, or that of another source for the same profile."""
        profile = self.profile.model_copy(update={"data": source or self.profile.data})
        return self.settings.data / profile.data_name.replace(":", "-").replace("/", "_")

    def lint(self) -> PolicyGate:
        return PolicyGate(self.policy.edit, self.task.entry_file, self.task.entry_points)

    def _memory_mib(self, policy: SandboxPolicy) -> int:
        return min(policy.memory_mib, int(self.facts.memory_bytes * SHARE_OF_MEMORY) >> 20)


@dataclass(frozen=True, slots=True)
class Rig:
    """What examines attempts: gates, sandbox and scorer over one data folder; `flags` are for the record."""

    gates: tuple[Gate, ...]
    sandbox: DockerSandbox
    scorer: Scorer
    flags: Mapping[str, list[str]]


class Progress:
    """Says how much of the data was sent, when it takes longer than two seconds."""

    def __init__(self, say: Callable[[str], Any], every_seconds: float = 2.0) -> None:
        self._say = say
        self._every = every_seconds
        self._last = time.monotonic()

    def __call__(self, sent: int, total: int) -> None:
        if time.monotonic() - self._last >= self._every:
            self._last = time.monotonic()
            self._say(f"sending the training data to the engine: {sent >> 20} of {total >> 20} MiB")


def check_room(folder: Path) -> None:
    """Raises SetupError when the records would soon find no place."""
    place = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    free = shutil.disk_usage(place).free
    if free < RECORDS_MIB << 20:
        message = f"{free >> 20} MiB are free for {folder}, {RECORDS_MIB} are needed"
        raise SetupError(message, remedy="free some space, or set AUTORESEARCH_RUNS")


def open_bench(settings: Settings, policy_path: Path, task_folder: Path) -> Bench:
    """Raises SetupError for a policy, a task, an engine or a card that is not as it should be."""
    policy, task = load_policy(policy_path), load_task(task_folder)
    check_measure(task, policy.metric)
    engine = Engine.connect(settings.docker_host)
    facts = engine.facts()
    wanted = policy.sandbox.device
    grant = choose_grant(
        wanted,
        find_gpus() if wanted != "cpu" else (),
        runtimes=facts.runtimes,
        cdi_devices=facts.cdi_devices,
        pinned=settings.gpu,
    )
    runtime = policy.sandbox.runtime
    check_runtime(grant, runtime, facts.runtime_arguments.get(runtime, ()))
    return Bench(settings, policy, task, engine, facts, grant, policy_path)


@contextmanager
def open_rig(bench: Bench, tag: str, data: Prepared, say: Callable[[str], Any]) -> Iterator[Rig]:
    """Everything between a proposal and its score; leaving it leaves no container behind.

    Raises SetupError for a device in quarantine, or a size that this device is too small for.
    """
    data.verify()
    if bench.profile_name != "cpu" and not bench.grant.gpu:
        message = f"the profile {bench.profile_name} needs a card, and there is none"
        raise SetupError(message, remedy="set metric.profile: auto")
    labels = {RUN_LABEL: tag, OWNER_LABEL: owner_of(os.getpid()), DEVICE_LABEL: bench.device_name}
    outfit = replace(bench.outfit, labels=labels)
    quarantine = Quarantine(bench.settings.runs, bench.engine)
    quarantine.check(bench.device_name)
    with quarantine.noting(), guarded(bench.settings.docker_host):
        reap(bench.engine, spared=quarantine.notes().keys())
        files = [DataFile(name, data.path / name, *data.files[name]) for name in data.training_files]
        outfit = replace(outfit, data_volume=fill_data_volume(bench.engine, outfit, files, Progress(say)))
        policy = bench.policy
        smoke = SmokeGate(bench.engine, outfit, bench.shape, policy.budget)
        smoked = (Remembering(smoke),) if policy.budget.smoke else ()
        gates: tuple[Gate, ...] = (bench.lint(), *smoked)
        with DockerSandbox(bench.engine, outfit, bench.shape, policy.budget, policy.metric) as sandbox:
            scorer = choose_scorer(bench.measure, bench.profile, data, sandbox, policy.metric)
            yield Rig(gates, sandbox, scorer, recorded_flags(outfit))


def data_of(bench: Bench, folder: Path | None) -> Prepared:
    """The data to train and score on: the folder given, else the profile's. Raises SetupError."""
    path, profile = folder or bench.data_path(), bench.profile
    if not isinstance(profile, TextProfile):
        return load_arrays(path)
    data = load_data(path)
    if data.vocab_size != profile.vocab_size and folder is None:
        raise SetupError(f"{data.path} has {data.vocab_size} tokens", remedy="run 'make data'")
    return data
