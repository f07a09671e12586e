"""How far honest claims and their challenge lie apart: the demo's model in float32 and in bfloat16 autocast.

    python -m tests.benchmarks.disagreement [--seconds 20] [--cuts 2048]

Trains the task's own train.py once for each in its containers, scores it with a tolerance that refuses
nothing, and prints one JSON object: the largest difference at a cut, the correction and its error, in nats,
and the seconds of scoring.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from orchestrator.assembly import Bench, Rig, data_of, open_bench, open_rig
from orchestrator.policy import load_policy
from orchestrator.records import Action, Attempt, Proposal
from orchestrator.settings import load_settings

ROOT = Path(__file__).parents[2]
POLICY, TASK = ROOT / "policies" / "demo.yaml", ROOT / "train_template"
HALF = """

_whole = Gpt.forward


def _half(self, tokens):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return _whole(self, tokens).float()


Gpt.forward = _half
"""


def measured(rig: Rig, source: str) -> dict[str, Any]:
    """One run of a source, and what its challenge found."""
    files = {"train.py": source}
    run = rig.sandbox.run(Attempt(1, Proposal("disagreement", files), files, seed=1))
    if not run.completed:
        raise SystemExit(f"{run.outcome}: {run.reason}\n{run.log[-2000:]}")
    score = rig.scorer.score(run, lambda _: Action.REPEAT)
    return {
        "value": score.value,
        "reason": score.reason,
        "seconds": score.seconds,
        **score.details["challenge"],
    }


def bench_of(seconds: float, cuts: int) -> Bench:
    """The demo's bench with another budget, and a challenge that refuses nothing."""
    bench, policy = open_bench(load_settings(), POLICY, TASK), load_policy(POLICY)
    changes = {"challenge_cuts": cuts, "challenge_tolerance_nats": 10.0}
    metric = policy.metric.model_copy(update=changes)
    budget = policy.budget.model_copy(update={"train_seconds": seconds})
    changed = policy.model_copy(update={"metric": metric, "budget": budget})
    return Bench(bench.settings, changed, bench.task, bench.engine, bench.facts, bench.grant)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--cuts", type=int, default=2048)
    arguments = parser.parse_args()
    bench = bench_of(arguments.seconds, arguments.cuts)
    source = (TASK / "train.py").read_text(encoding="utf-8")
    with open_rig(bench, "disagreement", data_of(bench, None), lambda _: None) as rig:
        found = {"float32": measured(rig, source), "bfloat16": measured(rig, source + HALF)}
    sys.stdout.write(json.dumps({"kernel": bench.facts.kernel, **found}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
