"""What each tier costs: start-up and training speed of the task's own train.py, against a bare process.

    python -m tests.benchmarks.tiers [--seconds 15] [--repeats 3]

The bare process is the same Python, framework and file on this machine with nothing around it (a throwaway
environment made from the locked wheels that `make image` left in .cache/wheels). Bare, runc and runsc take
turns within one run, since machines are shared: compare the ratios. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestrator.assembly import PROJECT, SECCOMP
from orchestrator.data import DataFolder, load_data
from orchestrator.policy import BudgetPolicy, MetricPolicy, SandboxPolicy
from orchestrator.records import Attempt, Proposal
from orchestrator.sandbox.container import RUN_LABEL, Outfit
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.order import Shape
from orchestrator.sandbox.ownership import OWNER_LABEL, owner_of
from orchestrator.sandbox.volumes import fill_data_volume
from tests.docker.conftest import IMAGE, training_files

DATA = PROJECT / "data" / "stdlib-2048"
WHEELS = PROJECT / ".cache" / "wheels"
TEMPLATE = PROJECT / "train_template"
ROW_TOKENS = 256
SEED = 7
IMPORTS = "import safetensors.torch, torch._dynamo"


@dataclass(frozen=True, slots=True)
class Lap:
    """One start and one training: seconds until the framework was imported, and steps a second."""

    start_seconds: float
    steps_per_second: float


Runner = Callable[[], Lap]


@contextmanager
def bare(seconds: float, scratch: Path) -> Iterator[Runner]:
    """Trains in a process of this machine with nothing around it."""
    venv = scratch / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    python = str(venv / "bin" / "python")
    names = [str(wheel) for wheel in WHEELS.glob("*.whl")]
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-index", "--no-deps", *names], check=True)
    subprocess.run([python, "-c", IMPORTS], check=True)  # compiles what it imports, as in the image
    out = scratch / "out"
    out.mkdir()

    def run() -> Lap:
        began = time.monotonic()
        subprocess.run([python, "-c", IMPORTS], check=True)
        started = time.monotonic()
        order = {
            "mode": "train", "seed": SEED, "sequence_tokens": ROW_TOKENS, "profile": "cpu", "device": "cpu",
            "started": 0.0, "deadline": 0.0, "data": str(DATA), "out": str(out),
        }  # fmt: skip
        program = (
            f"{IMPORTS}, os, json, time\norder = json.loads(os.environ['ORDER'])\n"
            f"order['started'] = time.monotonic()\norder['deadline'] = order['started'] + {seconds}\n"
            "os.environ['AUTORESEARCH_RUN'] = json.dumps(order)\nimport train\ntrain.main()\n"
        )
        threads = str(os.cpu_count())
        environment = {**os.environ, "ORDER": json.dumps(order), "PYTHONPATH": str(TEMPLATE)}
        environment |= {"OMP_NUM_THREADS": threads, "OMP_WAIT_POLICY": "PASSIVE"}
        subprocess.run([python, "-c", program], check=True, env=environment, stdout=subprocess.DEVNULL)
        claims = json.loads((out / "result.json").read_text())["claims"]
        return Lap(started - began, claims["steps"] / claims["train_seconds"])

    yield run


@contextmanager
def tier(runtime: str, seconds: float, engine: Engine, data: DataFolder) -> Iterator[Runner]:
    """Trains in the product's own sandbox at a tier. Start-up is that of a pair of containers."""
    labels = {RUN_LABEL: f"benchmark-{os.getpid()}", OWNER_LABEL: owner_of(os.getpid())}
    policy = SandboxPolicy.model_validate({"runtime": runtime, "memory_mib": 4096, "device": "cpu"})
    seccomp = SECCOMP.read_text(encoding="utf-8")
    outfit = Outfit(engine.image_id(IMAGE), policy, seccomp, float(os.cpu_count() or 1), labels)
    outfit = replace(outfit, data_volume=fill_data_volume(engine, outfit, training_files(data)))
    budget = BudgetPolicy(train_seconds=seconds + 5, save_seconds=5.0, smoke=False)
    files = {"train.py": (TEMPLATE / "train.py").read_text()}

    def run() -> Lap:
        shape = Shape("train.py", ROW_TOKENS, "cpu")
        began = time.monotonic()
        with DockerSandbox(engine, outfit, shape, budget, MetricPolicy()) as sandbox:
            run = sandbox.run(Attempt(1, Proposal("the task as it stands", {}), files, SEED))
            start_seconds = time.monotonic() - began - run.train_seconds
        if run.result is None:
            raise SystemExit(f"{runtime}: {run.reason}\n{run.log}")
        claims = run.result.claims
        return Lap(start_seconds, claims["steps"] / claims["train_seconds"])

    yield run


def measure(seconds: float, repeats: int) -> dict[str, Any]:
    """Medians of each tier, and each divided by the bare process's."""
    engine, data = Engine.connect(), load_data(DATA)
    facts = engine.facts()
    names = [name for name in ("runc", "runsc") if name in facts.runtimes]
    laps: dict[str, list[Lap]] = {name: [] for name in ("bare", *names)}
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        runners = {"bare": stack.enter_context(bare(seconds, Path(scratch)))}
        runners |= {name: stack.enter_context(tier(name, seconds, engine, data)) for name in names}
        for _ in range(repeats):
            for name, run in runners.items():
                laps[name].append(run())
    starts = {name: statistics.median(lap.start_seconds for lap in laps[name]) for name in laps}
    speeds = {name: statistics.median(lap.steps_per_second for lap in laps[name]) for name in laps}
    ratios = {name: (starts[name] / starts["bare"], speeds[name] / speeds["bare"]) for name in names}
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "hardware": {"machine": platform.machine(), "cpus": os.cpu_count(), "kernel": platform.release()},
        "engine": facts.version,
        "train_seconds": seconds,
        "repeats": repeats,
        "load_before": os.getloadavg()[0],
        "start_seconds": {name: round(value, 2) for name, value in starts.items()},
        "steps_per_second": {name: round(value, 2) for name, value in speeds.items()},
        "ratios_to_bare": {
            name: {"start": round(start, 2), "speed": round(speed, 3)}
            for name, (start, speed) in ratios.items()
        },
    }


def main() -> int:
    """Print the measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    sys.stdout.write(json.dumps(measure(arguments.seconds, arguments.repeats), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
