"""A small task, its policy and its data in one folder, and the command line run on them for real."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.sandbox.container import RUN_LABEL
from orchestrator.sandbox.engine import Engine

TASK = """\
name: a bigram model
entry_file: train.py
entry_points: {main: 0, build_model: 1}
files: [train.py]
metric: {name: val_bpb, unit: bits per byte, direction: minimize}
profiles:
  cpu: {sequence_tokens: 64, eval_rows: 32, eval_batch_rows: 8, data: bytes, vocab_size: 260}
"""

POLICY = """\
sandbox:
  {device: cpu, cpus: 1.0, memory_mib: 1024, pids: 256}
budget:
  {train_seconds: 60.0, save_seconds: 1.0, grace_seconds: 0.5, smoke: false, refusals_in_a_row: 3,
   outage_seconds: 2.0}
decision: {rule: greedy, margin: 0.01}
"""


NO_REPORT = {"AUTORESEARCH_REPORT": "false"}  # it takes seconds, and few tests look at it


@dataclass(frozen=True)
class Workshop:
    """Where one test runs the program, and what it looks at afterwards."""

    folder: Path
    data: Path
    engine: Engine
    extra_environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    def command(self, *words: str) -> list[str]:
        bench = ["--policy", str(self.folder / "policy.yaml"), "--task", str(self.folder / "task")]
        bench = bench if words[0] in {"run", "try", "mcp", "doctor", "data"} else []
        with_data = [*bench, "--data", str(self.data)] if words[0] in {"run", "try", "mcp"} else []
        return [sys.executable, "-m", "orchestrator", *words, *with_data]

    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "AUTORESEARCH_"))}
        image = {k: v for k, v in os.environ.items() if k == "AUTORESEARCH_IMAGE"}
        return {**kept, **image, "AUTORESEARCH_RUNS": str(self.runs), **NO_REPORT, **self.extra_environment}

    def call(self, *words: str, timeout: float = 240.0) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start(self, *words: str) -> Started:
        process = subprocess.Popen(
            self.command(*words),
            cwd=self.folder,
            env={**self.environment(), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return Started(process)

    def events(self, tag: str) -> list[dict[str, Any]]:
        lines = (self.runs / tag / "audit.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def closed(self, tag: str) -> list[dict[str, Any]]:
        return [event for event in self.events(tag) if event["event"] == "attempt_closed"]

    def best_source(self, tag: str) -> str:
        command = ["git", "--git-dir", str(self.runs / tag / "repo.git"), "show", "best:train.py"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def leftovers(self, tag: str) -> list[str]:
        label = f"{RUN_LABEL}={tag}"
        containers = [str(c["Names"]) for c in self.engine.containers(label)]
        return containers + [str(v["Name"]) for v in self.engine.volumes(label)]

    def await_no_leftovers(self, tag: str, seconds: float = 20.0) -> list[str]:
        deadline = time.monotonic() + seconds
        while (left := self.leftovers(tag)) and time.monotonic() < deadline:
            time.sleep(0.2)
        return left


@dataclass(frozen=True)
class Started:
    """The program while it runs."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    def await_line(self, part: str, count: int = 1) -> None:
        """Read its output until `part` was seen so often. Fails when it ends before."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            count -= part in line
            if not count:
                return
        raise AssertionError(f"ended before {part!r}:\n{''.join(self.lines)}")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, timeout: float = 120.0) -> tuple[int, str]:
        rest, _ = self.process.communicate(timeout=timeout)
        return self.process.returncode, "".join(self.lines) + rest


def set_up(folder: Path, template: str, proposals: Sequence[str] = ()) -> None:
    """Write task, policy and, for the replay proposer, numbered proposals."""
    task = folder / "task"
    task.mkdir(parents=True)
    (folder / "policy.yaml").write_text(POLICY)
    (task / "task.yaml").write_text(TASK)
    (task / "program.md").write_text("Lower the metric.\n")
    (task / "train.py").write_text(template)
    (folder / "proposals").mkdir()
    for number, source in enumerate(proposals, start=1):
        (folder / "proposals" / f"{number:04d}-proposal.py").write_text(source)
