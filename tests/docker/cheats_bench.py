"""Where metric cheats are tried: small text that never changes, real containers, and a naive host."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from orchestrator.assembly import SECCOMP
from orchestrator.data import DataFolder
from orchestrator.policy import BudgetPolicy, MetricPolicy, SandboxPolicy
from orchestrator.proving.text import write_bytes_as_tokens
from orchestrator.records import Action, Run, Score
from orchestrator.sandbox.container import RUN_LABEL, RUNNER, Outfit
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.launch import Container
from orchestrator.sandbox.order import Shape, order_message
from orchestrator.sandbox.ownership import OWNER_LABEL, owner_of
from orchestrator.sandbox.stream import BoundedLog
from orchestrator.sandbox.volumes import data_volume_name, fill_data_volume
from orchestrator.scoring.claims import ClaimsScorer
from orchestrator.scoring.held_out import HeldOut, held_out_of
from tests.docker.cheats import Cheat
from tests.docker.conftest import IMAGE, ROW_TOKENS, attempt_of, candidate, training_files

ROWS, BATCH_ROWS = 32, 8
PLANTED = "canary-0123456789abcdef"
PATIENT = BudgetPolicy(train_seconds=60.0, save_seconds=1.0, grace_seconds=0.5, smoke=False)
METRIC = MetricPolicy(frame_seconds=20.0, load_seconds=60.0, score_seconds=120.0)
HURRIED = PATIENT.model_copy(update={"train_seconds": 2.0})
HURRIED_METRIC = METRIC.model_copy(update={"frame_seconds": 3.0})
CONTROLS_SECONDS = 900.0  # a hundred programs, on a machine that others use too


def made_up_text(documents: int = 240) -> bytes:
    """Sentences of made-up words, each document with favourites of its own: about 150 kB, always the same."""
    random = np.random.default_rng(20261124)
    letters = np.array(list("etaoinshrdlucmfwypvbgk"))
    words = ["".join(random.choice(letters, random.integers(2, 9))) for _ in range(400)]
    rank = 1 / np.arange(1, len(words) + 1)
    text = []
    for number in range(documents):
        favourites = rank * random.gamma(0.3, size=len(words))
        drawn = random.choice(words, 110, p=favourites / favourites.sum())
        text.append(f"{number}. {' '.join(drawn)}.\n")
    return "".join(text).encode()


@dataclass(frozen=True)
class CheatBench:
    """The sandboxes and the scorer of metric cheats, over one held-out text."""

    engine: Engine
    outfit: Outfit
    held_out: HeldOut
    sandboxes: Mapping[str, DockerSandbox]

    def examine(self, source: str, *, cuts: int, deadline: str = "") -> tuple[Run, Score | None]:
        """Run a whole candidate and score it as one that might be kept; `deadline` says which comes soon."""
        sandbox = self.sandboxes[deadline]
        run = sandbox.run(attempt_of(source))
        if not run.completed:
            return run, None
        metric = METRIC.model_copy(update={"challenge_cuts": cuts})
        return run, ClaimsScorer(sandbox, self.held_out, metric).score(run, lambda _: Action.REPEAT)

    def believed(self, cheats: list[Cheat]) -> dict[str, dict[str, Any]]:
        """What a naive host believes of each, and of the honest model, from one container without rules."""
        programs = {"honest": candidate("honest")} | {cheat.name: cheat.source for cheat in cheats}
        forms = {"honest": "evaluation"} | {cheat.name: cheat.control for cheat in cheats}
        files = {f"programs/{name}.py": source for name, source in programs.items()}
        files |= {"honest.py": candidate("honest"), "naive_host.py": candidate("naive_host")}
        files |= {"forms.json": json.dumps(forms), "val.json": json.dumps(self.held_out.rows.tolist())}
        files |= {"train.py": "from naive_host import main\n"}
        said = _said_by_a_plain_container(self.engine, self.outfit, files)
        found = [json.loads(line.partition(" ")[2]) for line in said if line.startswith("BELIEVED ")]
        assert len(found) == len(programs), said[-20:]
        return {entry.pop("name"): entry for entry in found}


def cheat_outfit(engine: Engine) -> Outfit:
    """The containers of cheats; they have no training data yet."""
    policy = SandboxPolicy(
        memory_mib=1024, shm_mib=64, pids=96, tmp_mib=64, work_mib=128, output_mib=16, log_kib=64
    )
    labels = {RUN_LABEL: f"metric-{os.getpid()}", OWNER_LABEL: owner_of(os.getpid())}
    return Outfit(engine.image_id(IMAGE), policy, SECCOMP.read_text(encoding="utf-8"), 1.0, labels)


@contextmanager
def cheat_data(engine: Engine, outfit: Outfit, folder: Path) -> Iterator[tuple[Outfit, DataFolder]]:
    """The outfit with the text's training volume, which is this process's own, and the text."""
    everywhere = f"metric-{os.getpid():08d}\n".encode()
    data = write_bytes_as_tokens(
        folder, everywhere=everywhere, held_out=PLANTED.encode(), text=made_up_text()
    )
    try:
        yield replace(outfit, data_volume=fill_data_volume(engine, outfit, training_files(data))), data
    finally:
        engine.remove_volume(data_volume_name(training_files(data)))


@contextmanager
def open_cheat_bench(engine: Engine, folder: Path) -> Iterator[CheatBench]:
    with (
        cheat_data(engine, cheat_outfit(engine), folder) as (outfit, data),
        _sandbox(engine, outfit, PATIENT, METRIC) as patient,
        _sandbox(engine, outfit, HURRIED, METRIC) as hurried,
        _sandbox(engine, outfit, PATIENT, HURRIED_METRIC) as hurrying,
    ):
        held_out = held_out_of(data, rows=ROWS, length=ROW_TOKENS, batch_rows=BATCH_ROWS)
        sandboxes = {"": patient, "training": hurried, "frames": hurrying}
        yield CheatBench(engine, outfit, held_out, sandboxes)


def _sandbox(engine: Engine, outfit: Outfit, budget: BudgetPolicy, metric: MetricPolicy) -> DockerSandbox:
    return DockerSandbox(engine, outfit, Shape("train.py", ROW_TOKENS, "cpu"), budget, metric)


def _said_by_a_plain_container(engine: Engine, outfit: Outfit, files: dict[str, str]) -> list[str]:
    """What the program printed in a container without any rule of ours, but for the network it lacks."""
    body = {
        "Image": outfit.image,
        "Entrypoint": ["python3", RUNNER],
        "Cmd": ["train"],
        "User": "0:0",
        "Env": ["OMP_NUM_THREADS=1", "PYTHONDONTWRITEBYTECODE=1"],
        "Labels": dict(outfit.labels),
        "OpenStdin": True,
        "StdinOnce": True,
        "HostConfig": {
            "NetworkMode": "none",
            "Tmpfs": {"/work": "exec", "/out": ""},
            "Mounts": [{"Type": "volume", "Source": outfit.data_volume, "Target": "/data", "ReadOnly": True}],
        },
    }
    identity = engine.create(body, f"autoresearch-naive-{secrets.token_hex(6)}")
    stream, log = engine.attach(identity), BoundedLog(1 << 22)
    naive = Container(engine, identity, "naive", stream, "")
    try:
        engine.start(identity)
        naive.await_ready(60.0)
        until = time.monotonic() + CONTROLS_SECONDS
        shape = Shape("train.py", ROW_TOKENS, "cpu")
        stream.give(order_message(shape, files, mode="train", seconds=CONTROLS_SECONDS, seed=1), until)
        stream.drain(log, until)
        return log.text().splitlines()
    finally:
        naive.remove()
