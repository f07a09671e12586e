"""What ending hopeless runs early saves, and whether a good one is lost: real runs of the demo task.

    python -m tests.benchmarks.futility [--seeds 2] [--out tests/benchmarks/results/NAME] [--report]

Runs the task as it stands and candidates with other constants, each to its end, with their curves; then the
same with futility stopping on, beside the baseline's curve. Writes NAME.json (every run) and NAME.md;
`--report` only writes the tables again. `futility_nights.py` fits its model to NAME.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from orchestrator import assembly
from orchestrator.assembly import PROJECT, Rig
from orchestrator.futility import hopeless
from orchestrator.policy import BudgetPolicy
from orchestrator.records import Action, Attempt, Curve, Proposal
from orchestrator.settings import load_settings

OUT = Path(__file__).parent / "results" / "2026-11-24-futility"
TEMPLATE = PROJECT / "train_template" / "train.py"
MARGINS = (0.01, 0.02, 0.05, 0.1, 0.2)
POLICY = "extends: {demo}\nbudget: {{futility: {on}, futility_in_a_row: 1000}}\n"
# For `--paced`: one thread, and time that counts only while the candidate computes.
PACED_POLICY = (
    "extends: {demo}\nsandbox: {{cpus: 1.0}}\nbudget: {{train_seconds: 150.0, save_seconds: 20.0}}\n"
)
PACED_SECONDS = 5.0
PACE = {
    "time.monotonic() + max(recent, default=0.0) < harness.deadline()": "used() < 1.0",
    "rate_share(step, harness.progress())": "rate_share(step, used())",
    "progress=harness.progress()": "progress=used()",
    "def main() -> None:": (
        f"BEGAN = time.process_time()\n\n\ndef used() -> float:\n"
        f"    return min(1.0, (time.process_time() - BEGAN) / {PACED_SECONDS})\n\n\ndef main() -> None:"
    ),
}
PACED_LINE = re.compile(r"progress=(\S+) loss=(\S+)")

Changes = Mapping[str, str]
BASELINE = "as it stands"
CANDIDATES: Mapping[str, tuple[str, Changes]] = {
    BASELINE: ("baseline", {}),
    "rates of the blocks / 100": ("bad", {"MUON_RATE = 0.02": "MUON_RATE = 0.0002"}),
    "all rates / 10": (
        "bad",
        {
            "MUON_RATE = 0.02": "MUON_RATE = 0.002",
            "0.2 if GPU else 0.05": "0.005",
            "HEAD_RATE = 0.004": "HEAD_RATE = 0.0004",
        },
    ),
    "16 batches a step": ("bad", {"4 if GPU else 1  #": "16  #"}),
    "16 channels": ("bad", {"640 if GPU else 96": "16"}),
    "softcap 4": ("mild", {"SOFTCAP = 15.0": "SOFTCAP = 4.0"}),
    "16 rows a batch": ("mild", {"32 if GPU else 4  #": "16  #"}),
    "depth 4": ("mild", {"8 if GPU else 2  #": "4  #"}),
    "2 heads of 16": ("good", {"5 if GPU else 3  #": "2  #", "128 if GPU else 32": "16"}),
    "head rate x 2": ("good", {"HEAD_RATE = 0.004": "HEAD_RATE = 0.008"}),
    "late cooldown, double rates": (
        "slow start",
        {"COOLDOWN = 0.5": "COOLDOWN = 0.2", "MUON_RATE = 0.02": "MUON_RATE = 0.04"},
    ),
    "warm-up of 150 steps": ("slow start", {"20 if GPU else 5  #": "150  #"}),
    "192 channels": ("slow start", {"640 if GPU else 96": "192"}),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ran:
    """One real run: which candidate, whether futility was on, how it ended, and its curve."""

    name: str
    kind: str
    seed: int
    futility: bool
    outcome: str
    seconds: float
    value: float | None
    steps: float
    curve: Curve


def source_of(changes: Changes) -> str:
    text = TEMPLATE.read_text(encoding="utf-8")
    for old, new in changes.items():
        if text.count(old) != 1:
            raise SystemExit(f"{old!r} stands {text.count(old)} times in train.py")
        text = text.replace(old, new)
    return text


def paced(rig: Rig, name: str, seed: int) -> Ran:
    """The same where time is the candidate's own processor time, as on a machine that nobody else uses."""
    kind, changes = CANDIDATES[name]
    files = {"train.py": source_of({**changes, **PACE})}
    run = rig.sandbox.run(Attempt(1, Proposal(name, files), files, seed))
    score = rig.scorer.score(run, lambda _: Action.DISCARD) if run.completed else None
    curve = tuple((float(share), float(loss)) for share, loss in PACED_LINE.findall(run.log))
    steps = run.result.claims.get("steps", 0.0) if run.result else 0.0
    made = Ran(
        name,
        kind,
        seed,
        False,
        run.outcome.value,
        PACED_SECONDS,
        score.value if score else None,
        steps,
        curve,
    )
    sys.stderr.write(
        f"{name}, seed {seed}: {run.outcome.value} {run.train_seconds:.1f} {steps} {made.value}\n"
    )
    return made


def ran(rig: Rig, name: str, seed: int, best: Curve | None) -> Ran:
    """Train one candidate, and score it if it came to its end; with futility unless `best` is None."""
    kind, changes = CANDIDATES[name]
    files = {"train.py": source_of(changes)}
    run = rig.sandbox.run(Attempt(1, Proposal(name, files), files, seed), best_progress=best or ())
    score = rig.scorer.score(run, lambda _: Action.DISCARD) if run.completed else None
    steps = run.result.claims.get("steps", 0.0) if run.result else 0.0
    value = score.value if score else None
    took = round(run.train_seconds, 2)
    made = Ran(name, kind, seed, best is not None, run.outcome.value, took, value, steps, run.progress)
    sys.stderr.write(f"{name}, seed {seed}, futility {made.futility}: {run.outcome.value} {took} {value}\n")
    return made


def all_runs(seeds: int) -> Iterator[Ran]:
    """Every candidate with each seed to its end; then each with the first seed and futility on."""
    with rig(POLICY) as free:
        whole = [ran(free, name, seed, None) for seed in range(1, seeds + 1) for name in CANDIDATES]
    yield from whole
    with rig(POLICY, futility=True) as strict:
        yield from (ran(strict, name, 1, whole[0].curve) for name in CANDIDATES)


def all_paced(seeds: int) -> Iterator[Ran]:
    """Every candidate to its end in processor time, none ended early."""
    with rig(PACED_POLICY) as free:
        for seed in range(1, seeds + 1):
            yield from (paced(free, name, seed) for name in CANDIDATES)


def rig(policy: str, *, futility: bool = False) -> Any:
    """The demo's own parts, with a policy on top of its."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(policy.format(demo=PROJECT / "policies" / "demo.yaml", on=str(futility).lower()))
        file.flush()
        bench = assembly.open_bench(load_settings(), Path(file.name), PROJECT / "train_template")
    return assembly.open_rig(bench, f"futility-{os.getpid()}", assembly.data_of(bench, None), print)


def read_runs(path: Path) -> list[Ran]:
    rows = json.loads(path.read_text(encoding="utf-8"))["runs"]
    return [Ran(**{**row, "curve": tuple((s, loss) for s, loss in row["curve"])}) for row in rows]


def ended_at(curve: Curve, best: Curve, margin: float) -> float:
    """The share at which the rule would have ended a run that said this curve; 1.0 if never.

    As in the sandbox, a point is judged when the next one begins.
    """
    rules = BudgetPolicy(futility_margin=margin)
    for count in range(1, len(curve)):
        if hopeless(curve[:count], best, rules):
            return curve[count][0]
    return 1.0


def ratio_at(curve: Curve, best: Curve, share: float) -> float:
    """How much higher the loss is than the best's at the point next to a share, relative."""
    mine, theirs = (min(each, key=lambda point: abs(point[0] - share))[1] for each in (curve, best))
    return mine / theirs - 1


def whole_runs(runs: Sequence[Ran]) -> list[Ran]:
    return [run for run in runs if not run.futility and run.value is not None]


def bests(runs: Sequence[Ran]) -> dict[int, Ran]:
    """The baseline's whole run of each seed: what the others are compared with."""
    return {run.seed: run for run in whole_runs(runs) if run.name == BASELINE}


def report(runs: Sequence[Ran], facts: Mapping[str, Any]) -> str:
    train_seconds = facts["train_seconds"]
    introduction = PACED_INTRODUCTION if facts.get("paced") else INTRODUCTION
    text = introduction.format(**facts, count=len(whole_runs(runs))) + COLUMNS
    text += "| candidate | kind | seed | final bpb | to baseline | at 45% | at 60% | at 80% | "
    text += " | ".join(f"ends {margin:g}" for margin in MARGINS) + " |\n"
    text += "|---" * (8 + len(MARGINS)) + "|\n"
    for run in sorted(whole_runs(runs), key=lambda each: (list(CANDIDATES).index(each.name), each.seed)):
        text += _row(run, bests(runs)[run.seed])
    text += "\n" + "\n".join(_summary(runs, margin, train_seconds) for margin in MARGINS) + "\n"
    return text if facts.get("paced") else text + _really(runs, facts["margin"])


def _row(run: Ran, best: Ran) -> str:
    assert run.value is not None
    assert best.value is not None
    ratios = " | ".join(f"{ratio_at(run.curve, best.curve, share):+.1%}" for share in (0.45, 0.6, 0.8))
    ends = (ended_at(run.curve, best.curve, margin) for margin in MARGINS)
    ended = " | ".join("-" if end == 1.0 else f"{end:.0%}" for end in ends)
    change = f"{run.value / best.value - 1:+.2%}"
    return f"| {run.name} | {run.kind} | {run.seed} | {run.value:.4f} | {change} | {ratios} | {ended} |\n"


def _summary(runs: Sequence[Ran], margin: float, train_seconds: float) -> str:
    """What a margin would have saved and lost, by replay of the curves of all runs but the baselines."""
    others = [run for run in whole_runs(runs) if run.name != BASELINE]
    ends = [ended_at(run.curve, bests(runs)[run.seed].curve, margin) for run in others]
    saved = sum((1 - end) * train_seconds for end in ends)
    better = [run.value < bests(runs)[run.seed].value for run in others]  # type: ignore[operator]
    lost = sum(good and end < 1 for good, end in zip(better, ends, strict=True))
    stopped = sum(end < 1 for end in ends)
    whole = len(others) * train_seconds
    return (
        f"- margin {margin:g}: {stopped} of {len(others)} ended, {saved:.0f} of {whole:.0f} seconds saved "
        f"({saved / whole:.0%}), {lost} of the {sum(better)} that ended better than the baseline lost"
    )


def _really(runs: Sequence[Ran], margin: float) -> str:
    """The runs with futility on, beside the same candidate and seed without."""
    text = f"\nWith `futility: true` (margin {margin:g}), seed 1, the best's curve being the baseline's:\n\n"
    text += "| candidate | ended | seconds | without | final bpb | without |\n|---|---|---|---|---|---|\n"
    whole = {(run.name, run.seed): run for run in whole_runs(runs)}
    for run in (each for each in runs if each.futility):
        before = whole[run.name, run.seed]
        value = "-" if run.value is None else f"{run.value:.4f}"
        took = f"{run.seconds:.1f} | {before.seconds:.1f}"
        text += f"| {run.name} | {run.outcome.replace('_', ' ')} | {took} | {value} | {before.value:.4f} |\n"
    pairs = [(run.seconds, whole[run.name, run.seed].seconds) for run in runs if run.futility]
    spent, full = (sum(column) for column in zip(*pairs, strict=True))
    return text + f"\nTogether {spent:.0f} seconds instead of {full:.0f}.\n"


INTRODUCTION = """# Ending hopeless runs early: real runs

`python -m tests.benchmarks.futility`: {count} whole runs of the demo task ({train_seconds:g} s on {cpus}
shared processors, {machine}, load {load:.1f} before), then each once more with futility stopping on.
"""
PACED_INTRODUCTION = """# Ending hopeless runs early: real runs, paced by processor time

`python -m tests.benchmarks.futility --paced`: {count} whole runs of the demo task in its containers, where
the candidate counts {train_seconds:g} s of its own processor time, on one thread, so that others on the
machine ({cpus} processors, {machine}, load {load:.1f} before) do not change how far it gets. None was ended
early: what the rule would have done is replayed on the curves.
"""
COLUMNS = """
*At 45%*: training loss against the baseline's of the same seed at that share of the time. *Ends m*: the share
at which the rule would have ended it with a margin of m (replayed on its curve), `-` if never; share 0.4,
3 points.

"""


def main() -> int:
    """Run everything, or only write the tables again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--paced", action="store_true")
    parser.add_argument("--report", action="store_true")
    arguments = parser.parse_args()
    raw = arguments.out.with_suffix(".json")
    if not arguments.report:
        facts = {"cpus": os.cpu_count(), "machine": platform.machine(), "load": os.getloadavg()[0]}
        facts |= {"train_seconds": PACED_SECONDS if arguments.paced else 20.0, "paced": arguments.paced}
        facts |= {"margin": BudgetPolicy().futility_margin}
        made = all_paced if arguments.paced else all_runs
        rows = [asdict(run) for run in made(arguments.seeds)]
        lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
        raw.write_text(f'{{"facts": {json.dumps(facts)}, "runs": [\n{lines}\n]}}\n', encoding="utf-8")
    facts = json.loads(raw.read_text(encoding="utf-8"))["facts"]
    arguments.out.with_suffix(".md").write_text(report(read_runs(raw), facts), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
