"""What scoring costs at the size of a GPU's task, model aside: 20,971,520 claims, one challenge in each row.

    python -m tests.benchmarks.scoring_cost [--rows 10240] [--repeats 3] [--batches 64]

Host parts are timed on random numbers of that size; the stream by a real container whose model answers at
once, over so many batches of 32 rows, with the product's own framing. Prints one JSON object. Shared machines
are noisy: each part is the fastest of its repeats, with this process's own processor time beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from orchestrator.assembly import SECCOMP
from orchestrator.policy import BudgetPolicy, MetricPolicy, SandboxPolicy
from orchestrator.ports import Model
from orchestrator.proving.text import write_bytes_as_tokens
from orchestrator.records import Attempt, Proposal
from orchestrator.sandbox.container import RUN_LABEL, Outfit
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.order import Shape
from orchestrator.sandbox.ownership import OWNER_LABEL, owner_of
from orchestrator.sandbox.volumes import fill_data_volume
from orchestrator.scoring.challenge import blinded, correction, differences, draw_rounds, nats_of
from orchestrator.scoring.claims import measure
from orchestrator.scoring.held_out import HeldOut
from tests.docker.conftest import IMAGE, training_files

TOKENS, VOCAB, BATCH_ROWS = 2048, 8192, 32
CANDIDATE = f"""\
import sys

import harness
from torch import nn


def main():
    harness.save(nn.Linear(1, 1), {{"size": 1}}, {{}})


def build_model(config):
    runner = sys.modules["__main__"]
    claims, logits = bytes(4 * {BATCH_ROWS * TOKENS}), bytes(4 * {BATCH_ROWS * VOCAB})
    runner.claim = lambda model, device, tokens: claims
    runner.answer = lambda model, device, inputs, cuts, vocab: logits
    return nn.Linear(1, 1)
"""

Part = dict[str, float]


def fastest(repeats: int, work: Callable[[], Any]) -> Part:
    """The shortest wall time of several, and that one's processor time."""
    laps = []
    for _ in range(repeats):
        wall, own = time.perf_counter(), time.process_time()
        work()
        laps.append((time.perf_counter() - wall, time.process_time() - own))
    wall, own = min(laps)
    return {"seconds": round(wall, 3), "processor": round(own, 3)}


def host_parts(rows: int, repeats: int) -> dict[str, Part]:
    """Everything that the host computes, on random numbers."""
    random = np.random.default_rng(1)
    tokens = random.integers(0, VOCAB, size=(rows, TOKENS + 1), dtype=np.uint16)
    lengths = random.integers(0, 9, size=VOCAB)
    held_out = HeldOut(tokens, lengths, BATCH_ROWS, random.integers(0, VOCAB, 1 << 22, dtype=np.uint16))
    claims = random.random((rows, TOKENS), dtype=np.float32) * 4
    logits = random.standard_normal((BATCH_ROWS, VOCAB), dtype=np.float32)
    counted = held_out.counted
    (cuts,) = draw_rounds(counted, 1, random)
    targets = tokens[cuts.rows, cuts.at + 1].astype(np.int64)
    batches = [slice(start, start + BATCH_ROWS) for start in range(0, rows, BATCH_ROWS)]
    nats = np.concatenate([nats_of(logits, targets[part]) for part in batches])
    found = differences(claims, cuts, nats)
    works: dict[str, Callable[[], Any]] = {
        "measure claims (sums, digest, error)": lambda: measure(claims, held_out, floor=0.0),
        "which targets count": lambda: held_out.counted,
        "draw cuts": lambda: draw_rounds(counted, 1, random),
        "blind rows": lambda: blinded(tokens, cuts, held_out.foreign, random),
        "normalise logits": lambda: [nats_of(logits, targets[part]) for part in batches],
        "compare and correct": lambda: correction(counted, [(cuts, found)], 0.05),
    }
    return {name: fastest(repeats, work) for name, work in works.items()}


def stream_parts(runtime: str, batches: int, repeats: int) -> dict[str, Part]:
    """Claims and answers through a real container whose model answers at once, per batch of 32 rows."""
    engine = Engine.connect()
    with tempfile.TemporaryDirectory() as scratch:
        data = write_bytes_as_tokens(Path(scratch) / "data")
        labels = {RUN_LABEL: f"benchmark-{os.getpid()}", OWNER_LABEL: owner_of(os.getpid())}
        policy = SandboxPolicy.model_validate({"runtime": runtime, "memory_mib": 2048, "device": "cpu"})
        outfit = Outfit(engine.image_id(IMAGE), policy, SECCOMP.read_text(encoding="utf-8"), 2.0, labels)
        outfit = replace(outfit, data_volume=fill_data_volume(engine, outfit, training_files(data)))
        budget = BudgetPolicy(train_seconds=120.0, save_seconds=5.0, smoke=False)
        files = {"train.py": CANDIDATE}
        with DockerSandbox(engine, outfit, Shape("train.py", 64, "cpu"), budget, MetricPolicy()) as sandbox:
            run = sandbox.run(Attempt(1, Proposal("answers at once", files), files, 1))
            if not run.completed:
                raise SystemExit(f"{run.reason}\n{run.log}")
            with sandbox.open(run) as model:
                return _asked(model, batches, repeats)


def _asked(model: Model, batches: int, repeats: int) -> dict[str, Part]:
    rows = np.zeros((BATCH_ROWS, TOKENS + 1), np.uint16)
    cuts = np.zeros(BATCH_ROWS, np.int64)
    works: dict[str, Callable[[], Any]] = {
        "claims": lambda: [model.claim(rows) for _ in range(batches)],
        "answers": lambda: [model.answer(rows[:, :-1], cuts, VOCAB) for _ in range(batches)],
    }
    return {name: fastest(repeats, work) for name, work in works.items()}


def with_rates(parts: dict[str, Part], batches: int, rows: int) -> dict[str, Part]:
    """Megabytes a second in both directions together, and the seconds for all rows."""
    sizes = {"claims": (2 * (TOKENS + 1) + 4 * TOKENS), "answers": (2 * TOKENS + 4 * VOCAB)}
    told = {}
    for name, part in parts.items():
        a_batch = part["seconds"] / batches
        rate = sizes[name] * BATCH_ROWS / a_batch / 1e6
        whole = a_batch * rows / BATCH_ROWS
        told[name] = {**part, "megabytes_a_second": round(rate, 1), "seconds_for_all": round(whole, 2)}
    return told


def main() -> int:
    """Print the measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_240)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batches", type=int, default=64)
    parser.add_argument("--runtime", default="runc", choices=["runc", "runsc"])
    parser.add_argument("--parts", default="host,stream")
    arguments = parser.parse_args()
    told: dict[str, Any] = {"cpus": os.cpu_count(), "load_before": os.getloadavg()[0]}
    if "stream" in arguments.parts:
        parts = stream_parts(arguments.runtime, arguments.batches, arguments.repeats)
        told[f"stream {arguments.runtime}"] = with_rates(parts, arguments.batches, arguments.rows)
    if "host" in arguments.parts:
        told["host"] = host_parts(arguments.rows, arguments.repeats)
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
