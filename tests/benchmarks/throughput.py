"""How long the card waits: the night's own loop against one thing at a time, with a model that takes time.

    python -m tests.benchmarks.throughput [--experiments 20] [--train-seconds 15] [--latency 3] [--json]

A local server answers like a model, after `--latency` seconds. The card is the processor; training is mostly
sleep, so that the machine has nothing else to do. Of the proposals 18 per cent better the metric and are
kept, 5 per cent crash while they train, the others lose. The sequential loop proposes, starts a cold
container, trains, measures and decides, one after the other, with the same parts and the same proposals.

Figures at 300 s: what does not depend on the budget is taken as measured; the training's share of its budget
and the waiting for the next attempt are scaled by 300 over the budget.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestrator.assembly import SECCOMP
from orchestrator.budget import Budget
from orchestrator.data import DataFolder
from orchestrator.decision import decide
from orchestrator.gate import PolicyGate
from orchestrator.lab import Lab, examine
from orchestrator.ledger.folder import Origin
from orchestrator.ledger.git import GitLedger
from orchestrator.loop import run_night
from orchestrator.patience import Patience
from orchestrator.pipeline import Pipeline
from orchestrator.policy import BudgetPolicy, DecisionPolicy, EditPolicy, MetricPolicy, SandboxPolicy
from orchestrator.ports import Gate, Prospects
from orchestrator.preparation import Preparation, Remembering
from orchestrator.proposers.endpoint import Endpoint
from orchestrator.proposers.openai import OpenAIProposer
from orchestrator.proposers.prompt import PromptBuilder
from orchestrator.proving.text import write_bytes_as_tokens
from orchestrator.records import Action, Attempt, Curve, Proposal, Run, Score
from orchestrator.sandbox.container import RUN_LABEL, Outfit
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.order import Shape
from orchestrator.sandbox.ownership import OWNER_LABEL, owner_of
from orchestrator.sandbox.smoke import SmokeGate
from orchestrator.sandbox.volumes import fill_data_volume
from orchestrator.scoring.claims import ClaimsScorer
from orchestrator.scoring.held_out import held_out_of
from orchestrator.views.several import Several
from tests.docker.conftest import IMAGE, ROW_TOKENS, training_files
from tests.proposers.openai_server import OpenAIServer, Slow

FULL_SECONDS = 300.0
SCORING_SECONDS = 3.0
KEEPS, CRASHES = 0.18, 0.05
POINTS = {"build_model": 1, "main": 0}
RULES = DecisionPolicy(rule="greedy", margin=0.0001)

SOURCE = '''\
"""A bigram table counted from so many batches: the more, the better. Then it waits for its deadline."""

import time

import harness
import torch
from torch import nn

BATCHES = 40

{slots}


class Bigram(nn.Module):
    def __init__(self, vocab: int) -> None:
        super().__init__()
        self.table = nn.Embedding(vocab, vocab)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.table(tokens)


def build_model(config: dict) -> nn.Module:
    return Bigram(config["vocab"])


def main() -> None:
    vocab = harness.vocab_size()
    counts = torch.full((vocab * vocab,), 0.1)
    batches = BATCHES + sum(value for name, value in globals().items() if name.startswith("SLOT"))
    for _, (inputs, targets) in zip(range(1 if CRASH else batches), harness.batches(8, seed=0)):
        pairs = (inputs * vocab + targets).flatten()
        counts += torch.bincount(pairs, minlength=vocab * vocab)
    while time.monotonic() < harness.deadline() - 0.2:
        if CRASH and not harness.SMOKE and harness.progress() > 0.2:
            raise RuntimeError("out of luck")
        time.sleep(0.02)
    model = Bigram(vocab)
    model.table.weight.data = counts.view(vocab, vocab).log()
    harness.save(model, {{"vocab": vocab}}, {{"train_loss": 0.0}})
'''


def source(slots: int) -> str:
    """The baseline, with a line for each proposal to change, far enough from the next for merges."""
    lines = [f"# {n}\n\nSLOT_{n:03d} = 0\n" for n in range(slots)]
    return SOURCE.format(slots="\n".join([*lines, "# crash\n\nCRASH = False"]))


def replies(count: int, seed: int = 1) -> list[str]:
    """What the model says, in order: the named shares of gains and crashes, and losses."""
    gains, crashes = round(count * KEEPS), round(count * CRASHES)
    kinds = ["gain"] * gains + ["crash"] * crashes
    kinds += ["loss"] * (count - len(kinds))
    random.Random(seed).shuffle(kinds)  # noqa: S311 - a benchmark
    return [_reply(number, kind) for number, kind in enumerate(kinds)]


def _reply(number: int, kind: str) -> str:
    slot, value = f"SLOT_{number:03d} = 0", {"gain": 15, "loss": -12, "crash": 0}[kind]
    edits = [(slot, f"SLOT_{number:03d} = {value}  # {kind}")]
    edits += [("CRASH = False", "CRASH = True")] if kind == "crash" else []
    blocks = [f"train.py\n<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE\n" for old, new in edits]
    return f"TITLE: {kind} {number}\nHYPOTHESIS: it may help\n{''.join(blocks)}"


@dataclass
class Times:
    """When things happened, and how long the card worked."""

    train: list[float] = field(default_factory=list)
    score: list[float] = field(default_factory=list)
    parts: dict[str, float] = field(default_factory=dict)
    began: float = 0.0
    ended: float = 0.0

    def add(self, part: str, seconds: float) -> None:
        self.parts[part] = self.parts.get(part, 0.0) + seconds

    @property
    def idle_seconds(self) -> float:
        return self.ended - self.began - sum(self.train) - sum(self.score)


class TimedSandbox:
    """The port, timed: what a run takes beyond its training."""

    def __init__(self, sandbox: DockerSandbox, times: Times) -> None:
        self._sandbox, self._times = sandbox, times

    def run(self, attempt: Attempt, *, best_progress: Curve = ()) -> Run:
        began = time.monotonic()
        run = self._sandbox.run(attempt, best_progress=best_progress)
        self._times.train.append(run.train_seconds)
        self._times.add("containers", time.monotonic() - began - run.train_seconds)
        return run

    def close(self) -> None:
        self._sandbox.close()


class TimedScorer:
    """The port, timed."""

    def __init__(self, scorer: ClaimsScorer, times: Times) -> None:
        self._scorer, self._times = scorer, times

    def score(self, run: Run, prospects: Prospects) -> Score:
        began = time.monotonic()
        score = self._scorer.score(run, prospects)
        self._times.score.append(time.monotonic() - began)
        return score


class TimedPipeline(Pipeline):
    """The night's own, with a clock at its mouth; the clock starts when the baseline is done."""

    def next(self) -> Any:
        began = time.monotonic()
        first = self.preparation.ledger.best is not None and not TIMES.began
        reviewed = super().next()
        if first:
            TIMES.began = began
            for laps in (TIMES.train, TIMES.score, TIMES.parts):
                laps.clear()
        TIMES.add("waiting", time.monotonic() - began)
        return reviewed


TIMES = Times()


@dataclass(frozen=True)
class Station:
    """What both loops run on."""

    engine: Engine
    outfit: Outfit
    data: DataFolder
    budget: BudgetPolicy
    metric: MetricPolicy
    shape: Shape

    def sandbox(self) -> DockerSandbox:
        return DockerSandbox(self.engine, self.outfit, self.shape, self.budget, self.metric)

    def scorer(self, sandbox: DockerSandbox) -> ClaimsScorer:
        held_out = held_out_of(self.data, rows=128, length=ROW_TOKENS, batch_rows=16)
        return ClaimsScorer(sandbox, held_out, self.metric)

    def gates(self) -> tuple[Gate, ...]:
        smoke = SmokeGate(self.engine, self.outfit, self.shape, self.budget)
        return (PolicyGate(EditPolicy(max_changed_lines=400), "train.py", POINTS), Remembering(smoke))


@contextmanager
def station(scratch: Path, train_seconds: float) -> Iterator[Station]:
    """Data, engine and limits for a while."""
    engine, data = Engine.connect(), write_bytes_as_tokens(scratch / "data")
    labels = {RUN_LABEL: f"throughput-{os.getpid()}", OWNER_LABEL: owner_of(os.getpid())}
    outfit = Outfit(
        engine.image_id(IMAGE), SandboxPolicy(memory_mib=2048), SECCOMP.read_text("utf-8"), 2.0, labels
    )
    outfit = replace(outfit, data_volume=fill_data_volume(engine, outfit, training_files(data)))
    budget = BudgetPolicy(train_seconds=train_seconds, save_seconds=1.0)
    yield Station(engine, outfit, data, budget, MetricPolicy(), Shape("train.py", ROW_TOKENS, "cpu"))


def proposer(server: OpenAIServer) -> OpenAIProposer:
    """The real one, on the local server."""
    prompt = PromptBuilder(
        agenda="Lower the metric.", edit=EditPolicy(), entry_file="train.py", entry_points=POINTS
    )
    return OpenAIProposer(Endpoint(model="local", api_key="", base_url=server.base_url), prompt)


def night(place: Station, folder: Path, count: int, server: OpenAIServer) -> dict[str, Any]:
    """The product's own loop over its own pipeline."""
    files, watcher = {"train.py": source(count)}, Several(())
    budget = Budget(experiments=count + 1)
    with GitLedger(folder, Origin("throughput", files, "0" * 64, "0")) as ledger, place.sandbox() as sandbox:
        patience = Patience(3, ledger.record)
        preparation = Preparation(proposer(server), place.gates(), ledger, RULES, watcher, patience)
        wants_more: Callable[[], bool] = lambda: not budget.why_ended  # noqa: E731 - one word
        with TimedPipeline(preparation, files, wants_more=wants_more) as pipeline:
            timed = TimedSandbox(sandbox, TIMES), TimedScorer(place.scorer(sandbox), TIMES)
            run_night(Lab(pipeline, *timed, ledger, RULES, patience, watcher), budget)
            TIMES.ended = time.monotonic()
        return figures(TIMES, ledger, place.budget.train_seconds, count)


def sequential(place: Station, folder: Path, count: int, server: OpenAIServer) -> dict[str, Any]:
    """One thing at a time, from cold."""
    files, times, asked = {"train.py": source(count)}, Times(), proposer(server)
    with GitLedger(folder, Origin("throughput", files, "0" * 64, "0")) as ledger:
        for number in range(count + 1):
            began = time.monotonic()
            if number == 1:
                times = Times(began=began)
            proposal = asked.propose(ledger.history()) if number else Proposal("baseline", files)
            times.add("waiting", time.monotonic() - began)
            attempt = ledger.open(proposal)
            with place.sandbox() as sandbox:
                timed = TimedSandbox(sandbox, times), TimedScorer(place.scorer(sandbox), times)
                reviewed = Preparation(asked, (), ledger, RULES, Several(()), Patience(3, ledger.record))
                allowed = reviewed.review(ledger.next_run(attempt.number))
                experiment = examine(timed[0].run, timed[1], allowed, Several(()), lambda _: Action.KEEP)
            ledger.measure(experiment, attempt.number)
            ledger.close(experiment, decide(experiment, ledger.evidence(attempt.number), RULES))
        times.ended = time.monotonic()
        return figures(times, ledger, place.budget.train_seconds, count)


def figures(times: Times, ledger: GitLedger, budget_seconds: float, count: int) -> dict[str, Any]:
    """One loop's figures, a proposal each."""
    entries = ledger.history().entries[1:]
    ran = [entry for entry in entries if entry.runs]
    idle, waiting = times.idle_seconds / count, times.parts["waiting"] / count
    scale = FULL_SECONDS / budget_seconds
    share = sum(times.train) / count / budget_seconds
    scored = len(times.score) / count
    rest = share * FULL_SECONDS + idle - waiting + waiting * scale
    parts = {name: round(seconds / count, 3) for name, seconds in times.parts.items()}
    parts["records"] = round(idle - sum(parts.values()), 3)
    return {
        "experiments": len(ran),
        "kept": sum(entry.action is Action.KEEP for entry in entries),
        "crashed": sum(entry.status == "crashed" for entry in entries),
        "merged_or_dropped": sum(entry.status == "not run" for entry in entries),
        "runs": len(times.train),
        "idle_seconds_per_experiment": round(idle, 3),
        "idle_parts": parts,
        "scoring_seconds": round(statistics.mean(times.score), 3),
        "experiments_per_hour_at_300s": round(3600 / (rest + scored * SCORING_SECONDS), 2),
    }


def measure(count: int, train_seconds: float, latency: float) -> dict[str, Any]:
    """Both loops over the same proposals."""
    script = [Slow(latency, reply) for reply in replies(count)]
    with tempfile.TemporaryDirectory() as scratch, station(Path(scratch), train_seconds) as place:
        with OpenAIServer(script) as server:
            ours = night(place, Path(scratch) / "night", count, server)
        with OpenAIServer(script) as server:
            theirs = sequential(place, Path(scratch) / "sequential", count, server)
        place.engine.remove_volume(place.outfit.data_volume)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpus": os.cpu_count(),
        "load_after": os.getloadavg()[0],
        "train_seconds": train_seconds,
        "model_seconds": latency,
        "model_seconds_at_300s": latency * FULL_SECONDS / train_seconds,
        "scoring_seconds_at_300s": SCORING_SECONDS,
        "idle_seconds_per_experiment": ours["idle_seconds_per_experiment"],
        "experiments_per_hour_at_300s": ours["experiments_per_hour_at_300s"],
        "sequential_experiments_per_hour_at_300s": theirs["experiments_per_hour_at_300s"],
        "night": ours,
        "sequential": theirs,
    }


def table(found: Mapping[str, Any]) -> str:
    """The figures for a person."""
    names = [name for name in found["night"] if name != "idle_parts"]
    lines = [f"{'':<32}{'pipeline':>10}{'sequential':>12}"]
    lines += [f"{name:<32}{found['night'][name]:>10}{found['sequential'][name]:>12}" for name in names]
    for part in found["night"]["idle_parts"]:
        pair = (found[loop]["idle_parts"].get(part, 0.0) for loop in ("night", "sequential"))
        lines.append(f"{f'  idle: {part}':<32}{next(pair):>10}{next(pair):>12}")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Print the measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--experiments", type=int, default=20)
    parser.add_argument("--train-seconds", type=float, default=15.0)
    parser.add_argument("--latency", type=float, default=3.0)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    found = measure(arguments.experiments, arguments.train_seconds, arguments.latency)
    sys.stdout.write(json.dumps(found, indent=2) + "\n" if arguments.json else table(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
