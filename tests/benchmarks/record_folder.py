"""A run folder of any number of attempts, made quickly: the same events and objects as a night's, without its
processes and without an fsync a line.

Events are written by the ledger's own words (`ledger.facts`) and by the documented format of the log; objects
and refs are loose, as a night leaves them.
"""

from __future__ import annotations

import hashlib
import json
import random
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from orchestrator.ledger import facts
from orchestrator.ledger.export import rebuild
from orchestrator.ledger.folder import Origin
from orchestrator.ledger.git import GitLedger
from orchestrator.ledger.state import BEST, attempt_ref, log_ref
from orchestrator.records import (
    Action,
    Attempt,
    Decision,
    Experiment,
    Files,
    Objection,
    Outcome,
    Proposal,
    ResultFile,
    Run,
    Score,
    Usage,
    Verdict,
)

TRAIN = Path(__file__).parents[2] / "train_template" / "train.py"
KEEP_SHARE, CRASH_SHARE, REFUSED_SHARE, REPEAT_SHARE, BEST_SHARE = 0.18, 0.05, 0.03, 0.25, 0.05
NOISE = 0.001
LOG = "".join(f"step {step:5d} | loss {9 - step / 40:.6f} | lr 0.0003 | 12345 tok/s\n" for step in range(60))


def origin() -> Origin:
    """What every such run starts from."""
    files = {"train.py": TRAIN.read_text(encoding="utf-8")}
    return Origin(task="scale", files=files, policy_digest="d" * 64, version="0.1.0")


@dataclass(slots=True)
class Maker:
    """Writes one run, an attempt at a time; `best` is the number, commit and files of what was kept last."""

    folder: Path
    random: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 - the same run each time
    lines: list[str] = field(default_factory=list)
    head: str = ""
    now: datetime = datetime(2026, 11, 1, tzinfo=UTC)
    best: int = 0
    best_commit: str | None = None
    best_files: Files = field(default_factory=dict)
    level: float = 1.2
    runs: dict[int, int] = field(default_factory=dict)
    values: dict[int, list[float]] = field(default_factory=dict)

    def begin(self) -> None:
        """The run as the ledger itself makes it."""
        GitLedger(self.folder, origin()).release()
        self.lines = (self.folder / "audit.jsonl").read_text().splitlines()
        created = json.loads(self.lines[-1])
        self.head, self.best_files = created["hash"], origin().files

    def attempt(self, number: int) -> None:
        """Open, measure and close one attempt."""
        attempt = self._open(number)
        fate = 1.0 if number == 1 else self.random.random()
        if fate < REFUSED_SHARE:
            refusal = Verdict((Objection("import", "os is not allowed", "train.py", 3),))
            experiment = Experiment(attempt, refusal)
        elif fate < REFUSED_SHARE + CRASH_SHARE:
            experiment = self._measure(self._crashed(attempt), number)
        else:
            experiment = self._measured(attempt, number)
        keep = number == 1 or (bool(self.values.get(number)) and self.random.random() < KEEP_SHARE)
        self._close(experiment, keep)

    def finish(self) -> None:
        """The log in place, and every export beside it."""
        (self.folder / "audit.jsonl").write_text("".join(f"{line}\n" for line in self.lines))
        rebuild(self.folder)

    def _open(self, number: int) -> Attempt:
        text = f"{self.best_files['train.py']}\n"
        changed = f"{text[: 400 + number % 5000]}\n# {number}\nRATE_{number % 60} = {number / 1e4}\n"
        source = changed + "\n".join(text[400 + number % 5000 :].splitlines()[1:240])
        proposal = Proposal(
            f"learning rate {number / 1e4} with a longer warm-up and a smaller batch",
            {"train.py": source},
            "a larger step early on finds the valley sooner, and the schedule takes the noise out later",
            "openai:a-model",
            usage=Usage(41_000, 900, 12),
            prompt_sha256=hashlib.sha256(f"{number}".encode()).hexdigest(),
            reply_sha256=hashlib.sha256(source.encode()).hexdigest(),
        )
        attempt = facts.planned(number, proposal, self.best_files, self.best_commit, number)
        tree = self._object("tree", b"100644 train.py\0" + bytes.fromhex(self._blob(source)))
        message = facts.commit_message(number, attempt.proposal, self.head)
        parent = f"parent {self.best_commit}\n" if self.best_commit else ""
        who = f"autoresearch <autoresearch@localhost> {int(self.now.timestamp())} +0000"
        commit = self._object(
            "commit", f"tree {tree}\n{parent}author {who}\ncommitter {who}\n\n{message}".encode()
        )
        attempt = Attempt(number, attempt.proposal, attempt.files, number, commit, self.best_commit)
        self._append(
            "attempt_opened",
            **facts.opened_fields(attempt),
            tree=tree,
            stored_bytes=len(source),
            changed=["train.py"],
            left_out=[],
            refs={attempt_ref(number): [None, commit]},
        )
        self._ref(attempt_ref(number), commit)
        return attempt

    def _measured(self, attempt: Attempt, number: int) -> Experiment:
        drop = self.random.gauss(0, 0.003)
        experiment = self._measure(self.scored(attempt, self.level - drop), number)
        if number == 1 or self.random.random() < REPEAT_SHARE:
            experiment = self._measure(self.scored(attempt, self.level - drop), number)
        if number > 1 and self.random.random() < BEST_SHARE:
            best = Attempt(self.best, attempt.proposal, {}, 1)
            self._measure(self.scored(best, self.level), number)
        return experiment

    def scored(self, attempt: Attempt, level: float) -> Experiment:
        value, log = self.random.gauss(level, NOISE), LOG + f"{attempt.number}\n"
        claims = {"steps": 953.0, "peak_memory_bytes": 4.5e10, "train_seconds": 300.1, "train_loss": 3.1}
        config = {"depth": 8, "width": 512, "heads": 8, "rate": 3e-4, "vocab_size": 8192}
        result = ResultFile(config, claims, "a" * 64, "b" * 64, 104_857_600)
        curve = tuple((share / 64, 9.0 - share / 10 + self.random.random()) for share in range(64))
        limits = {"memory": 16 << 30, "pids": 256, "cpus": 4.0}
        container = {"image": f"sha256:{'c' * 64}", "user": "1000:1000", "network": "none", "limits": limits}
        run = Run(
            f"run-{attempt.number:04d}",
            Outcome.COMPLETED,
            300.0 + self.random.random(),
            exit_code=0,
            log=log,
            log_bytes=len(log),
            result=result,
            container=container,
            progress=curve,
        )
        details = {"rows": 4096, "claims_seconds": 2.9, "correction": 1e-7, "claims_sha256": "e" * 64}
        return Experiment(attempt, Verdict(), run, Score(value, stderr=0.0004, seconds=3.2, details=details))

    def _crashed(self, attempt: Attempt) -> Experiment:
        log = LOG + "Traceback (most recent call last):\nRuntimeError: the shapes do not match\n"
        reason = "exit code 1: RuntimeError: the shapes do not match"
        run = Run("run", Outcome.CRASHED, 9.0, reason=reason, exit_code=1, log=log, log_bytes=len(log))
        return Experiment(attempt, Verdict(), run)

    def _measure(self, experiment: Experiment, serving: int) -> Experiment:
        number, run = experiment.attempt.number, experiment.run
        assert run is not None
        self.runs[number] = self.runs.get(number, 0) + 1
        ref, blob = log_ref(number, self.runs[number]), self._blob(run.log)
        if experiment.value is not None:
            self.values.setdefault(number, []).append(experiment.value)
        fields = facts.measured_fields(experiment, serving)
        self._append("attempt_measured", **fields, stored_bytes=len(run.log), refs={ref: [None, blob]})
        self._ref(ref, blob)
        return experiment

    def _close(self, experiment: Experiment, keep: bool) -> None:
        attempt, values = experiment.attempt, self.values.get(experiment.attempt.number, [])
        reason = f"0.002130 better on average of {len(values)} against 3 runs of the best, at least 0.950"
        told = {"probability": 0.96, "noise": NOISE, "degrees_of_freedom": 12, "runs": 2, "best_runs": 3}
        action, told = Action.KEEP if keep else Action.DISCARD, told if attempt.number > 1 else {}
        decision = Decision(action, reason, told)
        refs = {BEST: [self.best_commit, attempt.commit]} if keep else {}
        self._append("attempt_closed", **facts.closed_fields(experiment, decision, values), refs=refs)
        if keep:
            self._ref(BEST, attempt.commit)
            self.best, self.best_commit, self.best_files = attempt.number, attempt.commit, attempt.files
            self.level -= 1e-5

    def _append(self, event: str, **fields: Any) -> None:
        self.now += timedelta(seconds=100)
        time = self.now.isoformat(timespec="milliseconds")
        record = {"seq": len(self.lines) + 1, "time": time, "event": event, **fields, "prev": self.head}
        self.head = record["hash"] = hashlib.sha256(_canonical(record).encode()).hexdigest()
        self.lines.append(_canonical(record))

    def _blob(self, text: str) -> str:
        return self._object("blob", text.encode())

    def _object(self, kind: str, data: bytes) -> str:
        whole = f"{kind} {len(data)}\0".encode() + data
        name = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
        path = self.folder / "repo.git/objects" / name[:2] / name[2:]
        if not path.exists():
            _put(path, zlib.compress(whole, 1))
        return name

    def _ref(self, name: str, target: str) -> None:
        _put(self.folder / "repo.git" / name, f"{target}\n".encode())


def make_run(folder: Path, attempts: int) -> None:
    """A finished run of so many attempts."""
    maker = Maker(folder)
    maker.begin()
    for number in range(1, attempts + 1):
        maker.attempt(number)
    maker.finish()


def _canonical(record: dict[str, Any]) -> str:
    return json.dumps(record, sort_keys=True, separators=(",", ":"))


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
