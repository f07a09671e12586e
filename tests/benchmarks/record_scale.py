"""What a long record costs: taking it up, looking at it, the prompt, a decision, one more attempt, its audit.

    python -m tests.benchmarks.record_scale [--attempts 10000] [--folder DIR] [--json]

Each step runs in a process of its own: seconds of the step, seconds of the whole process with Python's start,
and its peak memory. A folder that is named is made where it is missing, and used again where it is not.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from orchestrator.cli import main as autoresearch
from orchestrator.decision import decide
from orchestrator.ledger.audit import verify
from orchestrator.ledger.git import GitLedger
from orchestrator.policy import load_policy
from orchestrator.ports import Ledger
from orchestrator.proposers.prompt import PromptBuilder
from orchestrator.records import Action, Decision, Experiment, Proposal
from tests.benchmarks.record_folder import Maker, make_run, origin

POLICY = load_policy(Path(__file__).parents[2] / "policies" / "default.yaml")
MIB_IN_KIB = 1024


class Clock:
    """The seconds of the step alone."""

    seconds = cpu_seconds = 0.0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        began, cpu = time.perf_counter(), _cpu_seconds()
        yield
        self.seconds, self.cpu_seconds = time.perf_counter() - began, _cpu_seconds() - cpu


def _cpu_seconds() -> float:
    """Of this process and of those that it waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def resume(folder: Path, clock: Clock) -> None:
    with clock.running():
        GitLedger(folder, origin()).release()


def status(folder: Path, clock: Clock) -> None:
    os.environ["AUTORESEARCH_RUNS"] = str(folder.parent)
    with clock.running():
        autoresearch(["status", "--tag", folder.name])


def prompt(folder: Path, clock: Clock) -> None:
    points = {"main": 0, "build_model": 1}
    builder = PromptBuilder(agenda="Lower it.", edit=POLICY.edit, entry_file="train.py", entry_points=points)
    with GitLedger(folder, origin()) as ledger, clock.running():
        builder.messages(ledger.history())


def evidence(folder: Path, clock: Clock) -> None:
    with GitLedger(folder, origin()) as ledger:
        ledger.evidence()
        with clock.running():
            ledger.evidence()


def decision(folder: Path, clock: Clock) -> None:
    with GitLedger(folder, origin()) as ledger:
        experiment = _measured_once_more(ledger, folder)
        with clock.running():
            decide(experiment, ledger.evidence(experiment.attempt.number), POLICY.decision)
        ledger.close(experiment, Decision(Action.DISCARD, "only a measurement"))


def one_more(folder: Path, clock: Clock) -> None:
    with GitLedger(folder, origin()) as ledger, clock.running():
        ledger.close(_measured_once_more(ledger, folder), Decision(Action.DISCARD, "only a measurement"))


def another(folder: Path, clock: Clock) -> None:
    """The same a second time in one process."""
    with GitLedger(folder, origin()) as ledger:
        ledger.close(_measured_once_more(ledger, folder), Decision(Action.DISCARD, "only a measurement"))
        with clock.running():
            ledger.close(_measured_once_more(ledger, folder), Decision(Action.DISCARD, "only a measurement"))


def log_alone(folder: Path, clock: Clock) -> None:
    with clock.running():
        verify(folder / "audit.jsonl")


def audit_verify(folder: Path, clock: Clock) -> None:
    os.environ["AUTORESEARCH_RUNS"] = str(folder.parent)
    with clock.running():
        autoresearch(["audit", "verify", "--tag", folder.name])


def _measured_once_more(ledger: Ledger, folder: Path) -> Experiment:
    attempt = ledger.open(Proposal("one more", {"train.py": f"{origin().files['train.py']}\n# more\n"}))
    experiment = Maker(folder).scored(attempt, 1.19)
    ledger.measure(experiment, attempt.number)
    return experiment


STEPS: dict[str, Callable[[Path, Clock], None]] = {
    step.__name__: step
    for step in (resume, status, prompt, evidence, log_alone, audit_verify, decision, one_more, another)
}


def measure(name: str, folder: Path) -> dict[str, float]:
    """One step in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.record_scale", "--step", name, "--folder", str(folder)]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    whole = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr}")
    figures: dict[str, float] = json.loads(done.stderr.splitlines()[-1])
    return {**figures, "process_seconds": round(whole, 3)}


def _step(name: str, folder: Path) -> None:
    clock = Clock()
    STEPS[name](folder, clock)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB_IN_KIB
    figures = {"seconds": clock.seconds, "cpu_seconds": clock.cpu_seconds, "peak_mib": peak}
    sys.stderr.write(json.dumps({name: round(figure, 4) for name, figure in figures.items()}) + "\n")


def measure_all(folder: Path, attempts: int) -> dict[str, Any]:
    """Every step on one folder, the log's size, and the machine."""
    began = time.perf_counter()
    if not folder.exists():
        make_run(folder, attempts)
    made = time.perf_counter() - began
    size = (folder / "audit.jsonl").stat().st_size
    events = sum(1 for _ in (folder / "audit.jsonl").open("rb"))
    machine = {"python": platform.python_version(), "cores": os.cpu_count(), "load": os.getloadavg()[0]}
    steps = {name: measure(name, folder) for name in ("resume", *STEPS)}
    log = {"events": events, "log_mib": size >> 20, "made_in_seconds": round(made)}
    return {**log, "machine": machine, "steps": steps}


def _print(figures: dict[str, Any]) -> None:
    lines = [f"{figures['events']} events, {figures['log_mib']} MiB of log; {figures['machine']}"]
    for name, step in figures["steps"].items():
        told = f"{step['seconds']:9.3f} s {step['cpu_seconds']:9.3f} s {step['process_seconds']:8.2f} s"
        lines.append(f"{name:<14} {told} {step['peak_mib']:6.0f} MiB")
    sys.stdout.write("\n".join(lines) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attempts", type=int, default=10_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.step:
        _step(arguments.step, arguments.folder)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch) / "long"
        figures = measure_all(folder, arguments.attempts)
    if arguments.json:
        sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    else:
        _print(figures)


if __name__ == "__main__":
    main()
