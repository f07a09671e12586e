"""What one experiment costs beyond its training: containers, hand-over, scoring, records.

    python -m tests.benchmarks.cycle [--repeats 5] [--runtime runc]

Prints one JSON object: medians in seconds, and the ratios that can be compared between machines.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from orchestrator.assembly import SECCOMP
from orchestrator.ledger.folder import Origin
from orchestrator.ledger.git import GitLedger
from orchestrator.policy import BudgetPolicy, MetricPolicy, SandboxPolicy
from orchestrator.proving.text import write_bytes_as_tokens
from orchestrator.records import Action, Decision, Experiment, Proposal, Verdict
from orchestrator.sandbox.container import RUN_LABEL, Outfit, container_body
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.launch import launch
from orchestrator.sandbox.order import Shape
from orchestrator.sandbox.ownership import OWNER_LABEL, owner_of
from orchestrator.sandbox.volumes import fill_data_volume
from orchestrator.scoring.claims import ClaimsScorer
from orchestrator.scoring.held_out import held_out_of
from tests.docker.conftest import IMAGE, ROW_TOKENS, candidate, training_files

# Long enough for the next pair of containers to warm up, as any real training is.
PAUSE = "import time; time.sleep(8); model, loss = train()"
TRAINING = candidate("honest").replace("model, loss = train()", PAUSE)
T = TypeVar("T")
TAG = f"benchmark-{os.getpid()}"


class Stopwatch:
    """Collects seconds by name."""

    def __init__(self) -> None:
        self.laps: dict[str, list[float]] = defaultdict(list)

    def time(self, name: str, work: Callable[[], T]) -> T:
        began = time.monotonic()
        try:
            return work()
        finally:
            self.laps[name].append(time.monotonic() - began)

    def medians(self) -> dict[str, float]:
        return {name: round(statistics.median(laps), 3) for name, laps in self.laps.items()}


def bare_container(engine: Engine, outfit: Outfit) -> None:
    """Create, attest, start and remove a container that waits for nothing."""
    launch(engine, container_body(outfit, "stdlib"), f"autoresearch-benchmark-{time.monotonic_ns()}").remove()


def ready_container(engine: Engine, outfit: Outfit) -> None:
    """The same until the framework is imported."""
    body = container_body(replace(outfit, data_volume=outfit.data_volume), "receive")
    container = launch(engine, body, f"autoresearch-benchmark-{time.monotonic_ns()}")
    container.await_ready(60.0)
    container.remove()


def measure(runtime: str, repeats: int) -> dict[str, Any]:
    """Run `repeats` whole experiments with a candidate that trains for a moment."""
    watch, engine = Stopwatch(), Engine.connect()
    with tempfile.TemporaryDirectory() as scratch:
        data = write_bytes_as_tokens(Path(scratch) / "data")
        labels = {RUN_LABEL: TAG, OWNER_LABEL: owner_of(os.getpid())}
        policy = SandboxPolicy.model_validate({"runtime": runtime, "memory_mib": 2048})
        seccomp = SECCOMP.read_text(encoding="utf-8")
        outfit = Outfit(engine.image_id(IMAGE), policy, seccomp, 2.0, labels)
        files = training_files(data)
        volume = watch.time("fill_data_volume", lambda: fill_data_volume(engine, outfit, files))
        outfit = replace(outfit, data_volume=volume)
        for _ in range(repeats):
            watch.time("bare_container", lambda: bare_container(engine, outfit))
            watch.time("ready_container", lambda: ready_container(engine, outfit))
        held_out = held_out_of(data, rows=128, length=ROW_TOKENS, batch_rows=16)
        budget = BudgetPolicy(train_seconds=60.0, save_seconds=1.0, smoke=False)
        source = {"train.py": TRAINING}
        ledger = GitLedger(Path(scratch) / "run", Origin("benchmark", source, "0" * 64, "0"))
        shape = Shape("train.py", ROW_TOKENS, "cpu")
        with ledger, DockerSandbox(engine, outfit, shape, budget, MetricPolicy()) as sandbox:
            scorer = ClaimsScorer(sandbox, held_out, MetricPolicy())
            for number in range(repeats + 1):
                began = time.monotonic()
                proposal = Proposal(f"number {number}", source)
                attempt = watch.time("ledger_open", lambda p=proposal: ledger.open(p))  # type: ignore[misc]
                run = watch.time("run", lambda a=attempt: sandbox.run(a))  # type: ignore[misc]
                score = watch.time("score", lambda r=run: scorer.score(r, lambda _: Action.DISCARD))  # type: ignore[misc]
                experiment = Experiment(attempt, Verdict(), run, score)
                decision = Decision(Action.DISCARD, "a benchmark")
                watch.time("ledger_close", lambda e=experiment, d=decision: ledger.close(e, d))  # type: ignore[misc]
                watch.laps["beyond_training"].append(time.monotonic() - began - run.train_seconds)
        cold = watch.laps["beyond_training"].pop(0)
    medians = watch.medians()
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "runtime": runtime,
        "hardware": {"machine": platform.machine(), "cpus": os.cpu_count(), "kernel": platform.release()},
        "engine": engine.facts().version,
        "repeats": repeats,
        "load_before": os.getloadavg()[0],
        "seconds": {**medians, "beyond_training_cold": round(cold, 3)},
        "ratios": {"warm_to_cold": round(medians["beyond_training"] / cold, 3)},
    }


def main() -> int:
    """Print the measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--runtime", default="runc", choices=["runc", "runsc"])
    arguments = parser.parse_args()
    sys.stdout.write(json.dumps(measure(arguments.runtime, arguments.repeats), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
