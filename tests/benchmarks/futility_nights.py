"""Nights of equal wall-clock with and without futility stopping, on a curve model fitted to real runs.

    python -m tests.benchmarks.futility_nights [--nights 400] [--out tests/benchmarks/results/NAME.md]

The model: with d a change's final score over the best's, less one (relative, higher is worse), the training
loss stands at share s above the best's by

    x(s) = slope(s) * d + spread(s) * e,    e normal, one draw for a whole run

slope(s) and spread(s) are fitted to the real whole runs of `futility.py` by least squares through zero. One
draw for all shares is the unkind case: a slow starter stays one. Scatter in timing is in the spread.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.benchmarks.futility import BASELINE as UNCHANGED
from tests.benchmarks.futility import OUT, Ran, bests, ratio_at, read_runs, whole_runs
from tests.benchmarks.nights import BASELINE, RECORD_NOISE, Shrinking, World

SHARES = (0.45, 0.6, 0.8)
MARGINS = (math.inf, 0.2, 0.1, 0.05, 0.02, 0.01)
NIGHT_SECONDS, TRAIN_SECONDS, SCORE_SECONDS, CYCLE_SECONDS = 8 * 3600, 300.0, 10.0, 5.0
IN_A_ROW = 3
BAD = 0.05
PACED = OUT.with_name(f"{OUT.name}-paced")
CHANGES = 200


@dataclass(frozen=True, slots=True)
class Fit:
    """How a final difference shows at one share: slope, spread around it, and their correlation."""

    share: float
    slope: float
    spread: float
    correlation: float


def fitted(runs: Sequence[Ran], share: float) -> Fit:
    """Least squares through zero over all whole runs but the baselines."""
    best = bests(runs)
    others = [run for run in whole_runs(runs) if run.name != UNCHANGED]
    final = np.array([run.value / best[run.seed].value - 1 for run in others])  # type: ignore[operator]
    seen = np.array([ratio_at(run.curve, best[run.seed].curve, share) for run in others])
    slope = float((final * seen).sum() / np.square(final).sum())
    spread = float(np.sqrt(np.square(seen - slope * final).sum() / (len(others) - 1)))
    return Fit(share, slope, spread, float(np.corrcoef(final, seen)[0, 1]))


def final_differences(runs: Sequence[Ran]) -> tuple[float, ...]:
    """Final scores of the real candidates over the baseline's, less one."""
    best = bests(runs)
    others = [run for run in whole_runs(runs) if run.name != UNCHANGED]
    return tuple(run.value / best[run.seed].value - 1 for run in others)  # type: ignore[operator]


@dataclass(frozen=True, slots=True)
class Mixed:
    """The record's world with a share of the changes replaced by ones as bad as the real bad runs."""

    record: Shrinking
    bad: tuple[float, ...]
    share: float

    def effect(self, uniform: float, normal: float, gained: float) -> float:
        if uniform >= 1 - self.share:
            return -BASELINE * self.bad[int((uniform - 1 + self.share) / self.share * len(self.bad))]
        return self.record.effect(uniform / (1 - self.share), normal, gained)


@dataclass(frozen=True, slots=True)
class Night:
    """What one night came to: changes tried, ended early, good ones among those, and the true gain."""

    tried: int
    ended: int
    good: int
    good_ended: int
    gain: float


def play(world: World, fits: Sequence[Fit], margin: float, seed: int) -> Night:
    """One greedy night; changes, noise and curves depend on the seed alone, whatever the margin."""
    random = np.random.default_rng(seed)
    draws = zip(*(random.random(CHANGES), *random.standard_normal((3, CHANGES))), strict=True)
    left, gained, measured = NIGHT_SECONDS - TRAIN_SECONDS - SCORE_SECONDS, 0.0, BASELINE
    tried = ended = good = good_ended = in_a_row = 0
    for uniform, normal, noise, start in draws:
        effect = world.effect(uniform, normal, gained)
        share = 1.0
        if in_a_row < IN_A_ROW:
            share = _ended_at(-effect / (BASELINE - gained), start, fits, margin)
        left -= share * TRAIN_SECONDS + CYCLE_SECONDS + (SCORE_SECONDS if share == 1.0 else 0.0)
        if left < 0:
            break
        tried, good = tried + 1, good + (effect > 0)
        if share < 1.0:
            ended, good_ended, in_a_row = ended + 1, good_ended + (effect > 0), in_a_row + 1
            continue
        in_a_row = 0
        value = BASELINE - gained - effect + RECORD_NOISE * noise
        if value < measured:
            measured, gained = value, gained + effect
    return Night(tried, ended, good, good_ended, gained)


def _ended_at(final: float, start: float, fits: Sequence[Fit], margin: float) -> float:
    for fit in fits:
        if fit.slope * final + fit.spread * start > margin:
            return fit.share
    return 1.0


def table(name: str, world: World, fits: Sequence[Fit], nights: int) -> str:
    text = f"\n{name}:\n\n"
    text += "| margin | changes tried | ended early | good ones ended | true gain, 1e-4 |\n"
    text += "|---|---|---|---|---|\n"
    for margin in MARGINS:
        played = [play(world, fits, margin, seed) for seed in range(nights)]
        tried, ended, good, lost = (
            sum(getattr(night, field) for night in played)
            for field in ("tried", "ended", "good", "good_ended")
        )
        gains = np.array([night.gain for night in played]) * 1e4
        shown = "off" if margin == math.inf else f"{margin:g}"
        text += f"| {shown} | {tried / nights:.1f} | {ended / tried:.1%} | {lost / max(good, 1):.1%} | "
        text += f"{gains.mean():.1f} ± {gains.std() / math.sqrt(nights):.1f} |\n"
    return text


INTRODUCTION = """# Ending hopeless runs early: simulated nights

`python -m tests.benchmarks.futility_nights --nights {nights}`: eight hours each, {train:g} s of training, 10
s of scoring where a run came to its end, 5 s between runs; greedy decisions at the noise of the real night
(4e-4). The *record's world* is that of `nights.py`, fitted to a real night on an H100. The others replace a
share of its changes by ones as bad as the measured ones that ended 5 per cent or more above the baseline. At
most {row} in a row are ended.
"""
FITTED = """
## {title}

Fitted to `{source}`:

| share of the time | slope | spread | correlation of mid-run and final |
|---|---|---|---|
"""
SOURCES = {"Time counts only while a candidate computes": PACED, "A busy machine": OUT}


def report(nights: int) -> str:
    text = INTRODUCTION.format(nights=nights, train=TRAIN_SECONDS, row=IN_A_ROW)
    for title, source in SOURCES.items():
        runs = read_runs(source.with_suffix(".json"))
        fits = [fitted(runs, share) for share in SHARES]
        text += FITTED.format(title=title, source=f"{source.name}.md")
        text += "".join(
            f"| {f.share:g} | {f.slope:.2f} | {f.spread:.3f} | {f.correlation:.2f} |\n" for f in fits
        )
        bad = tuple(each for each in final_differences(runs) if each > BAD)
        worlds: dict[str, World] = {"The record's world": Shrinking()}
        worlds |= {
            f"{share:.0%} of the changes bad": Mixed(Shrinking(), bad, share) for share in (0.1, 0.3, 0.6)
        }
        text += "".join(table(name, world, fits, nights) for name, world in worlds.items())
    return text


def main() -> int:
    """Play the nights and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--nights", type=int, default=400)
    parser.add_argument("--out", type=Path, default=OUT.with_name(f"{OUT.name}-nights.md"))
    arguments = parser.parse_args()
    arguments.out.write_text(report(arguments.nights), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
