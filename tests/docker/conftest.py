"""A real engine, the real image, and a data folder small enough to score in a moment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from orchestrator.assembly import SECCOMP
from orchestrator.data import TRAINING_FILES, DataFolder
from orchestrator.policy import BudgetPolicy, MetricPolicy, SandboxPolicy
from orchestrator.proving.prove import PROGRAMS
from orchestrator.proving.text import write_bytes_as_tokens
from orchestrator.records import Action, Attempt, Proposal, Run, Score
from orchestrator.sandbox.container import RUN_LABEL, Outfit
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.order import Shape
from orchestrator.sandbox.ownership import OWNER_LABEL, owner_of
from orchestrator.sandbox.volumes import DataFile, data_volume_name, fill_data_volume
from orchestrator.scoring.claims import ClaimsScorer
from orchestrator.scoring.held_out import held_out_of
from tests.docker.private_engine import PrivateEngine

IMAGE = os.environ.get("AUTORESEARCH_IMAGE", "autoresearch-sandbox:latest")
CANDIDATES = Path(__file__).parent / "candidates"
TAG = f"tests-{os.getpid()}"
ROW_TOKENS = 64


def candidate(name: str) -> str:
    folder = PROGRAMS if name == "honest" else CANDIDATES
    return (folder / f"{name}.py").read_text(encoding="utf-8")


def attempt_of(source: str, seed: int = 1) -> Attempt:
    files = {"train.py": source, "honest.py": candidate("honest")}
    return Attempt(number=1, proposal=Proposal("a test", files), files=files, seed=seed)


@dataclass(frozen=True)
class Station:
    """Everything that a test needs to run and score one file."""

    engine: Engine
    outfit: Outfit
    data: DataFolder
    budget: BudgetPolicy
    metric: MetricPolicy
    sandbox: DockerSandbox
    scorer: ClaimsScorer

    def run(self, name: str, seed: int = 1) -> Run:
        return self.sandbox.run(attempt_of(candidate(name), seed))

    def run_and_score(self, name: str, seed: int = 1) -> tuple[Run, Score]:
        run = self.run(name, seed)
        assert run.completed, f"{run.reason}\n{run.log}"
        return run, self.scorer.score(run, lambda _: Action.REPEAT)

    def leftovers(self) -> list[str]:
        """Close the sandbox; names of the containers and volumes that it left."""
        self.sandbox.close()
        mine = f"{RUN_LABEL}={self.outfit.labels[RUN_LABEL]}"
        containers = [str(c["Names"]) for c in self.engine.containers(mine)]
        return containers + [str(v["Name"]) for v in self.engine.volumes(mine)]


def training_files(data: DataFolder) -> list[DataFile]:
    return [DataFile(name, data.path / name, *data.files[name]) for name in TRAINING_FILES]


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine.connect()


@pytest.fixture(scope="module")
def private(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateEngine]:
    """An engine of the test's own, which nobody else reaps, stops or looks at."""
    if os.geteuid() != 0 or "DOCKER_HOST" in os.environ:
        pytest.skip("an engine of one's own needs root, and the shared engine's files")
    with PrivateEngine(tmp_path_factory.mktemp("engine"), Path(engine.facts().root_dir)) as private:
        yield private


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Iterator[DataFolder]:
    """Its volume is this process's own: another one that tests beside it removes its own."""
    data = write_bytes_as_tokens(tmp_path_factory.mktemp("data") / "bytes", everywhere=TAG.encode())
    yield data
    engine.remove_volume(data_volume_name(training_files(data)))


@pytest.fixture(scope="session")
def outfit(engine: Engine, data: DataFolder) -> Outfit:
    policy = SandboxPolicy(
        memory_mib=1024, shm_mib=64, pids=96, tmp_mib=64, work_mib=128, output_mib=16, log_kib=64
    )
    labels = {RUN_LABEL: TAG, OWNER_LABEL: owner_of(os.getpid())}
    seccomp = SECCOMP.read_text(encoding="utf-8")
    bare = Outfit(engine.image_id(IMAGE), policy, seccomp, 1.0, labels)
    return replace(bare, data_volume=fill_data_volume(engine, bare, training_files(data)))


@pytest.fixture(scope="module")
def station(engine: Engine, outfit: Outfit, data: DataFolder) -> Iterator[Station]:
    """With time enough for honest work on a busy machine."""
    budget = BudgetPolicy(train_seconds=60.0, save_seconds=1.0, grace_seconds=0.5, smoke=False)
    with open_station(engine, outfit, data, budget) as station:
        yield station


@pytest.fixture(scope="module")
def hurried(engine: Engine, outfit: Outfit, data: DataFolder) -> Iterator[Station]:
    """With a deadline that comes soon, for those who mean to outlive it."""
    budget = BudgetPolicy(train_seconds=3.0, save_seconds=1.0, grace_seconds=2.0, smoke=False)
    with open_station(engine, outfit, data, budget) as station:
        yield station


@contextmanager
def open_station(engine: Engine, outfit: Outfit, data: DataFolder, budget: BudgetPolicy) -> Iterator[Station]:
    metric = MetricPolicy(frame_seconds=5.0, challenge_cuts=64)
    outfit = replace(outfit, labels={**outfit.labels, RUN_LABEL: f"{TAG}-{budget.train_seconds:g}"})
    shape = Shape("train.py", ROW_TOKENS, "cpu")
    held_out = held_out_of(data, rows=32, length=ROW_TOKENS, batch_rows=8)
    with DockerSandbox(engine, outfit, shape, budget, metric) as sandbox:
        yield Station(engine, outfit, data, budget, metric, sandbox, ClaimsScorer(sandbox, held_out, metric))
