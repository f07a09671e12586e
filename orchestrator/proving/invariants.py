"""What must hold after every program, whatever it did; each broken rule is one sentence."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.deciding.evidence import Evidence
from orchestrator.policy import BudgetPolicy
from orchestrator.records import Experiment, History, Run
from orchestrator.sandbox.container import ATTEMPT_LABEL, RUN_LABEL
from orchestrator.sandbox.engine import Engine

OVERRUN_SECONDS = 0.5
MEMORY_SLACK_MIB = 2048  # other programs of the machine come and go; a suite's worth of leaks is far more
DISK_SLACK_MIB = 2048
PEAK_SLACK_MIB = 128  # of our own process; a log kept whole would be twice that


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the ledger stood before a program."""

    closed: int
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Resources:
    """Free memory and disk of the host, in MiB."""

    memory_mib: int
    disk_mib: int


def resources(folder: Path) -> Resources:
    """What is free now; `folder` is on the disk that counts."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return Resources(int(line.split()[1]) >> 10, shutil.disk_usage(folder).free >> 20)
    return Resources(0, shutil.disk_usage(folder).free >> 20)


def ledger_breaks(before: Standing, history: History, evidence: Evidence) -> Iterator[str]:
    """Exactly one attempt more is closed, and the best is where it was."""
    more = len(history.entries) - before.closed
    if more != 1:
        yield f"the ledger closed {more} attempts instead of one"
    was, now = before.evidence, evidence
    if (was.best_number, was.best_value) != (now.best_number, now.best_value):
        yield f"the best moved from {was.best_value} to {now.best_value}"


def leftovers(engine: Engine, run_id: str, tag: str) -> Iterator[str]:
    """Containers, volumes and processes of one attempt that are still there."""
    for container in engine.containers(f"{ATTEMPT_LABEL}={run_id}"):
        yield f"the container {container['Names'][0]} is left"
        yield from (f"process {pid} of it still runs" for pid in processes_of(str(container["Id"])))
    for volume in engine.volumes(f"{ATTEMPT_LABEL}={run_id}"):
        yield f"the volume {volume['Name']} is left"
    for volume in engine.volumes(f"{RUN_LABEL}={tag}"):
        if run_id in volume["Name"]:
            yield f"the volume {volume['Name']} is left"


def processes_of(container: str) -> list[int]:
    """Processes of this machine that belong to a container, whoever started them."""
    found = []
    for entry in os.listdir("/proc"):  # noqa: PTH208 - names alone
        try:
            if entry.isdigit() and container in Path(f"/proc/{entry}/cgroup").read_text():
                found.append(int(entry))
        except OSError:
            continue
    return found


def deadline_breaks(experiment: Experiment, budget: BudgetPolicy) -> Iterator[str]:
    """No run outlives its deadline and grace by more than OVERRUN_SECONDS."""
    run = experiment.run
    over = overrun(experiment, budget)
    if run and over > OVERRUN_SECONDS:
        yield f"it ran {over:.2f} s past its deadline and grace"


def overrun(experiment: Experiment, budget: BudgetPolicy) -> float:
    """Seconds past deadline and grace until it was seen dead; 0.0 for a run that ended in time."""
    run = experiment.run
    if run is None:
        return 0.0
    return max(run.overrun_seconds, run.train_seconds - budget.train_seconds - budget.grace_seconds, 0.0)


def resource_breaks(before: Resources, after: Resources) -> Iterator[str]:
    """Memory and disk came back, up to what else the machine does meanwhile."""
    if after.memory_mib < before.memory_mib - MEMORY_SLACK_MIB:
        yield f"{before.memory_mib - after.memory_mib} MiB of the host's memory did not come back"
    if after.disk_mib < before.disk_mib - DISK_SLACK_MIB:
        yield f"{before.disk_mib - after.disk_mib} MiB of the host's disk did not come back"


def peak_mib() -> int:
    """The most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def peak_breaks(before_mib: int, after_mib: int) -> Iterator[str]:
    """Whatever a program sends to the host, the host keeps little of it, at any moment."""
    if after_mib > before_mib + PEAK_SLACK_MIB:
        yield f"the host's own process grew from {before_mib} to {after_mib} MiB"


def log_breaks(run: Run, limit_bytes: int) -> Iterator[str]:
    """No more of a log is kept than the policy says."""
    size = len(run.log.encode("utf-8", "surrogatepass"))
    if size > limit_bytes:
        yield f"{size} bytes of its log were kept, more than {limit_bytes}"
