"""How policies/seccomp.json was made, to be run again: which system calls training really makes.

    python -m tests.benchmarks.syscalls > tests/benchmarks/results/DATE-syscalls.md

The product's own containers run what training does: the task's train.py, the smoke test, serving, filling
a data volume, and tests/docker/payloads/training.py (threads, forked and spawned workers, g++, torch.compile,
DataLoaders, a worker that dies). Each job runs twice, under our profile and under none, since a refusal can
hide what would come after it. strace attaches from the host, as root, to all processes of a container that
has said ready and waits: from there on every call is seen, refused ones too, because a tracer is told before
the filter is asked. Runners without the framework are used where there is a choice, so that importing it is
part of the record. What comes before (the runtime's and the interpreter's start) is seen in spawned workers.

The exit status is 1 when a job made a call that the profile refuses and nobody accounted for, or when the
profile allows a call that no job made and for which no reason is given (`syscalls_reasons.py`).
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.assembly import SECCOMP
from orchestrator.data import DataFolder
from orchestrator.policy import MetricPolicy, SandboxPolicy
from orchestrator.proving.text import write_bytes_as_tokens
from orchestrator.sandbox.container import DATA_LABEL, RUN_LABEL, Mode, Outfit, container_body, output_options
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.launch import Container, launch
from orchestrator.sandbox.model import DockerModel, hand_over, load
from orchestrator.sandbox.order import Shape, framed, order_message
from orchestrator.sandbox.ownership import OWNER_LABEL, owner_of
from orchestrator.sandbox.stream import BoundedLog
from orchestrator.sandbox.volumes import fill_data_volume
from orchestrator.scoring.held_out import cut_rows
from tests.benchmarks.syscalls_report import Filters, Record, report
from tests.benchmarks.tracing import Seen, traced
from tests.docker.conftest import IMAGE, ROW_TOKENS, training_files
from tests.docker.sealed import run_sealed

ROOT = Path(__file__).parents[2]
PAYLOADS = ROOT / "tests" / "docker" / "payloads"
NO_FILTER = '{"defaultAction": "SCMP_ACT_ALLOW"}'
SHAPE = Shape("train.py", ROW_TOKENS, "cpu")
TRAIN_SECONDS = 10.0
JOB_SECONDS = 900.0  # strace makes the compiler ten times slower
METRIC = MetricPolicy(load_seconds=120.0, frame_seconds=120.0)
TAG = f"syscalls-{os.getpid()}"

Job = Callable[["Bench"], Iterator[tuple[str, Seen]]]


@dataclass(frozen=True)
class Bench:
    """An engine, what containers have in common, and a data folder."""

    engine: Engine
    outfit: Outfit
    data: DataFolder

    @contextmanager
    def container(self, mode: Mode, volume: str = "", **changes: str) -> Iterator[Container]:
        """A container that has said ready, removed at the end."""
        outfit = replace(self.outfit, **changes)  # type: ignore[arg-type]
        body = container_body(outfit, mode, out_volume=volume)
        container = launch(self.engine, body, f"autoresearch-syscalls-{time.monotonic_ns()}")
        try:
            container.await_ready(120.0)
            yield container
        finally:
            container.remove()

    @contextmanager
    def output(self) -> Iterator[str]:
        name = f"autoresearch-syscalls-{time.monotonic_ns()}"
        self.engine.create_volume(name, output_options(self.outfit.policy), self.outfit.labels)
        try:
            yield name
        finally:
            self.engine.remove_volume(name)

    def first_process(self, container: Container) -> int:
        return int(self.engine.inspect(container.identity)["State"]["Pid"])

    def trace_order(self, container: Container, order: bytes) -> Seen:
        """Everything that a container does from an order to its end. It must end well."""
        log, deadline = BoundedLog(1 << 16), time.monotonic() + JOB_SECONDS
        with traced(self.first_process(container)) as seen:
            container.stream.send(order, deadline)
            ended = container.stream.drain(log, deadline)
            exit_ = self.engine.wait_exit(container.identity, 10.0) if ended else None
            if exit_ is None or exit_.code != 0:
                container.remove()
                raise RuntimeError(f"{exit_}: {log.text()[-2000:]}")
        return seen


def train_and_serve(bench: Bench) -> Iterator[tuple[str, Seen]]:
    """The task's own train.py from the import of the framework on, then its model."""
    files = {"train.py": (ROOT / "train_template" / "train.py").read_text()}
    rows = cut_rows(bench.data.tokens("val"), 8, ROW_TOKENS)
    with bench.output() as volume, bench.container("hold", volume) as model:
        with bench.container("bare", volume) as trainer:
            order = order_message(SHAPE, files, mode="bare", seconds=TRAIN_SECONDS)
            yield "train", bench.trace_order(trainer, order)
        with traced(bench.first_process(model)) as seen:
            hand_over(model, 1 << 30, METRIC)
            load(model, order_message(SHAPE, files, mode="serve"), METRIC)
            DockerModel(model, METRIC).claim(rows)
            model.remove()
        yield "serve", seen


def smoke(bench: Bench) -> Iterator[tuple[str, Seen]]:
    files = {"train.py": (ROOT / "train_template" / "train.py").read_text()}
    with bench.output() as volume, bench.container("smoke", volume) as container:
        order = order_message(SHAPE, files, mode="smoke", seconds=TRAIN_SECONDS)
        yield "smoke", bench.trace_order(container, order)


def receive(bench: Bench) -> Iterator[tuple[str, Seen]]:
    """Trusted data into a fresh volume."""
    content = b"some text" * 10_000
    checksum = (
        "e" * 64
    )  # of something else: the runner must notice, and its last words are part of the record
    entry = {"name": "train.bin", "bytes": len(content), "sha256": checksum}
    name = f"autoresearch-syscalls-{time.monotonic_ns()}"
    bench.engine.create_volume(name, {}, {DATA_LABEL: TAG})
    try:
        with bench.container("receive", data_volume=name) as container:
            with traced(bench.first_process(container)) as seen:
                container.stream.send(framed({"files": [entry]}) + content, time.monotonic() + 60.0)
                bench.engine.wait_exit(container.identity, 60.0)
            yield "receive", seen
    finally:
        bench.engine.remove_volume(name)


def workers_and_compilers(bench: Bench) -> Iterator[tuple[str, Seen]]:
    names = {"train.py": "training.py", "work.py": "work.py"}
    files = {path: (PAYLOADS / name).read_text() for path, name in names.items()}
    with bench.output() as volume, bench.container("bare", volume) as container:
        order = order_message(SHAPE, files, mode="bare", seconds=JOB_SECONDS)
        yield "workers", bench.trace_order(container, order)


JOBS: tuple[Job, ...] = (train_and_serve, smoke, receive, workers_and_compilers)


@contextmanager
def opened(profile: str, engine: Engine) -> Iterator[Bench]:
    """A bench whose containers have this profile, with a data volume of its own text."""
    policy = SandboxPolicy(memory_mib=4096, shm_mib=256, tmp_mib=128, work_mib=1024, output_mib=64)
    labels = {RUN_LABEL: TAG, OWNER_LABEL: owner_of(os.getpid())}
    outfit = Outfit(engine.image_id(IMAGE), policy, profile, 2.0, labels)
    with tempfile.TemporaryDirectory() as scratch:
        data = write_bytes_as_tokens(Path(scratch) / "data", everywhere=TAG.encode())
        volume = fill_data_volume(engine, outfit, training_files(data))
        try:
            yield Bench(engine, replace(outfit, data_volume=volume), data)
        finally:
            engine.remove_volume(volume)


def record(profile: str, engine: Engine) -> Record:
    """What every job called under a profile, by job."""
    found: Record = {}
    with opened(profile, engine) as bench:
        for job in JOBS:
            for name, seen in job(bench):
                sys.stderr.write(f"{name}: {len(seen.calls)} names, {seen.calls.total()} calls\n")
                found[name] = seen
    return found


def filters() -> Filters:
    """The numbers of the calls that pass our filter, the engine's own, and none."""

    def passing(profile: str) -> frozenset[int]:
        answer: Mapping[str, list[int]] = run_sealed(profile, "filter.py")
        return frozenset(answer["passing"]) - frozenset(answer["absent"])

    ours = passing(SECCOMP.read_text(encoding="utf-8"))
    return Filters(ours=ours, engines=passing(""), none=passing("unconfined"))


def main() -> int:
    """Print the report."""
    engine, profile = Engine.connect(), SECCOMP.read_text(encoding="utf-8")
    sealed, free = record(profile, engine), record(NO_FILTER, engine)
    facts = engine.facts()
    machine = f"Docker {facts.version}, kernel {facts.kernel}, {platform.machine()}, {facts.cpus} processors"
    text, sound = report(json.loads(profile), sealed, free, filters(), machine)
    sys.stdout.write(text)
    return 0 if sound else 1


if __name__ == "__main__":
    raise SystemExit(main())
