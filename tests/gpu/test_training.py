"""How fast the task's own train.py trains on this card, end to end in the sandbox; prints one JSON object.

GPU_TRAIN_SECONDS (default 120) is the time to train, compiling included. The text is made up: every
token has four possible successors, so a model that learns comes down to two bits a token.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from orchestrator.assembly import PROJECT
from orchestrator.data import TRAINING_FILES, DataFolder, load_data
from orchestrator.policy import BudgetPolicy, MetricPolicy
from orchestrator.records import Action, Attempt, Proposal, Run, Score
from orchestrator.sandbox.card import WatchedCard
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.gpu import Gpu
from orchestrator.sandbox.order import Shape
from orchestrator.sandbox.volumes import DataFile, data_volume_name, fill_data_volume
from orchestrator.scoring.claims import ClaimsScorer
from orchestrator.scoring.held_out import held_out_of
from orchestrator.task import TextProfile, load_task
from tests.gpu.conftest import Sealed

pytestmark = [pytest.mark.gpu, pytest.mark.docker]
VOCAB, SPECIAL, SUCCESSORS = 8192, 4, 4
TRAIN_TOKENS, EVAL_ROWS = 20_000_000, 512


def made_up_tokens(count: int, seed: int) -> NDArray[np.uint16]:
    """A walk in which every token is followed by one of four fixed others."""
    table = np.random.default_rng(0).integers(0, VOCAB - SPECIAL, size=(VOCAB, SUCCESSORS))
    random = np.random.default_rng(seed)
    walks, steps = 1000, count // 1000
    choices = random.integers(0, SUCCESSORS, size=(steps, walks))
    tokens = np.empty((walks, steps), dtype="<u2")
    tokens[:, 0] = random.integers(0, VOCAB - SPECIAL, size=walks)
    for step in range(1, steps):
        tokens[:, step] = table[tokens[:, step - 1], choices[step]]
    return tokens.ravel()


def write_made_up_data(folder: Path, train_tokens: int, held_out_tokens: int) -> DataFolder:
    """A data folder of the GPU profile's vocabulary, every token two bytes long."""
    token_bytes = [f"{index:04x}" for index in range(VOCAB - SPECIAL)] + [""] * SPECIAL
    special = {f"<|special_{index}|>": VOCAB - SPECIAL + index for index in range(SPECIAL)}
    tokenizer = {"version": 1, "pattern": ".", "special_tokens": special, "tokens": token_bytes}
    folder.mkdir(parents=True)
    sizes = {"train": train_tokens, "val": held_out_tokens, "holdout": held_out_tokens}
    for seed, (split, count) in enumerate(sizes.items()):
        (folder / f"{split}.bin").write_bytes(made_up_tokens(count, seed).tobytes())
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    entries = {path.name: entry(path) for path in sorted(folder.iterdir())}
    manifest = {"version": 1, "vocab_size": VOCAB, "token_bytes": token_bytes, "files": entries}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return load_data(folder)


def entry(path: Path) -> dict[str, object]:
    data = path.read_bytes()
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return write_made_up_data(tmp_path / "data", TRAIN_TOKENS, 2_000_000)


@pytest.fixture
def trained(data: DataFolder, sealed: Sealed) -> Iterator[tuple[Run, Score]]:
    """The template's own train.py with the GPU profile, trained and scored."""
    seconds = float(os.environ.get("GPU_TRAIN_SECONDS", "120"))
    task = load_task(PROJECT / "train_template")
    profile = task.profiles["gpu"]
    assert isinstance(profile, TextProfile)
    files = [DataFile(name, data.path / name, *data.files[name]) for name in TRAINING_FILES]
    volume = fill_data_volume(sealed.engine, sealed.outfit, files)
    outfit = replace(sealed.outfit, data_volume=volume)
    held_out = held_out_of(
        data, rows=EVAL_ROWS, length=profile.sequence_tokens, batch_rows=profile.eval_batch_rows
    )
    shape = Shape(task.entry_file, profile.sequence_tokens, "cuda")
    budget = BudgetPolicy(train_seconds=seconds, save_seconds=min(5.0, seconds / 4), smoke=False)
    sources = task.read_files()
    attempt = Attempt(1, Proposal("speed", sources), sources, seed=1)
    try:
        with DockerSandbox(sealed.engine, outfit, shape, budget, MetricPolicy()) as sandbox:
            run = sandbox.run(attempt)
            assert run.completed, f"{run.reason}\n{run.log}"
            yield run, ClaimsScorer(sandbox, held_out, MetricPolicy()).score(run, lambda _: Action.REPEAT)
    finally:
        sealed.engine.remove_volume(data_volume_name(files))


def test_the_template_trains_at_speed_and_is_scored(
    gpu: Gpu, trained: tuple[Run, Score], card: WatchedCard, capsys: pytest.CaptureFixture[str]
) -> None:
    run, score = trained
    with capsys.disabled():
        print(json.dumps(speed(gpu, run, score), indent=2))  # noqa: T201 - to be kept with the results
    card.before_run("nobody")  # clean again, after training and scoring
    assert score.value is not None, score.reason
    assert score.value < 6.5 - 1.0, "13 bits a token, two bytes long, is chance"


def speed(gpu: Gpu, run: Run, score: Score) -> dict[str, Any]:
    assert run.result is not None
    claims = run.result.claims
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "card": gpu.name,
        "kernel": platform.release(),
        "train_seconds": round(run.train_seconds, 1),
        "steps": claims.get("steps"),
        "tokens_per_second": round(claims.get("tokens", 0.0) / run.train_seconds),
        "parameters": claims.get("parameters"),
        "peak_memory_mib": round(claims.get("peak_memory_bytes", 0.0) / 2**20),
        "train_loss_nats": claims.get("train_loss"),
        "val_bpb": score.value,
        "score_seconds": round(score.seconds, 1),
    }
