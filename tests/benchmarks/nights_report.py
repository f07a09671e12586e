"""Plays nights by every rule and writes what came out, as a table and a figure.

    python -m tests.benchmarks.nights_report [--nights 1000] [--out tests/benchmarks/results/NAME]

Writes NAME.md and NAME.svg.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np

from tests.benchmarks.nights import (
    BASELINE,
    RECORD_NOISE,
    RUNS,
    Defaults,
    Drawn,
    Heavy,
    Rule,
    Shrinking,
    Summary,
    World,
    differences,
    greedy,
    play,
    recorded_values,
    sequential,
    simple,
    summarised,
)
from tests.benchmarks.nights_figure import COLOURS, NOISES, Cell, Results, figure

MATTERS = 0.9  # of a noise-free night's gain: below it noise matters
OUT = Path(__file__).parent / "results" / "2026-11-24-nights"
INTRODUCTION = """# Nights with known true effects

`python -m tests.benchmarks.nights_report --nights {nights}`: {runs} training runs a night, baseline and
repeats included; {nights} nights a cell, half as many for `strict` and `lax`; every rule meets the same
proposals. The rule is orchestrator/deciding with its default parameters (`default`): {rules}.
`greedy` keeps whatever one run measures lower than the lowest value so far, as upstream does. `simple`: three
baseline runs, drop below z 0.7, keep above z 2 after two runs, at most three. `strict` and `lax` are the rule
with `false_share` 0.05 and 1: the frontier between gain and false keeps.

- Gain: how much lower the final best truly is, in 1e-4 of the metric, with its standard error and the
  difference from greedy on the same nights. Claimed: the same by the night's own values, baseline's mean
  less best's mean; for greedy that is the lowest value, which is how it is usually told.
- False: share of all keeps that were truly no better. Kept, tried: means a night.
- Noise matters where greedy truly gains less than 90 per cent of what the same proposals give a night
  without noise (`noise-free`, the upper bound). Those rows say *matters*.

The parameters were chosen on `shrinking` by random search (about 500 settings); the other worlds were only
looked at, to choose between settings equal on it, except that `wide` spoke for learning the helpful share.

![gain relative to a noise-free night and false share over the noise](2026-11-24-nights.svg)
"""


def worlds() -> Mapping[str, World]:
    return {
        "shrinking": Shrinking(),
        "drawn": Drawn(tuple(differences(recorded_values()))),
        "wide": Shrinking(0.58, 60e-4, 0.6, 8e-4, 1.3),
        "heavy": Heavy(),
        "nothing": Shrinking(share=0.0),
    }


WORDS = {
    "wide": "As shrinking, but 58 per cent help, by less, and harm is larger: greedy is hardly ever wrong.",
    "nothing": "No proposal helps: every keep is false, so what counts is how few there are.",
}


def rules() -> Mapping[str, Rule]:
    return {
        "greedy": greedy,
        "simple": simple,
        "default": sequential(Defaults()),
        "strict": sequential(Defaults(false_share=0.05)),
        "lax": sequential(Defaults(false_share=1.0)),
    }


def played(cell: Cell) -> Summary:
    world, rule = worlds()[cell.world], rules()[cell.rule]
    return summarised([play(world, cell.noise, rule, seed) for seed in range(cell.nights)])


def cells(nights: int) -> Iterator[Cell]:
    for world in worlds():
        yield Cell(world, 0.0, "greedy", nights)
        for noise in NOISES:
            yield from (Cell(world, noise, rule, nights) for rule in COLOURS)
    for noise in NOISES:
        yield from (Cell("shrinking", noise, rule, (nights + 1) // 2) for rule in ("strict", "lax", "greedy"))


def all_played(nights: int) -> Results:
    todo = list(cells(nights))
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        return dict(zip(todo, processes.map(played, todo), strict=True))


def table(results: Results, world: str, nights: int) -> Iterator[str]:
    free = results[Cell(world, 0.0, "greedy", nights)]
    yield f"Noise-free: {1e4 * free.gain:.1f} ± {1e4 * free.error:.1f}, {free.kept:.1f} kept."
    yield ""
    yield "| noise | rule | gain | against greedy | claimed | kept | false | tried |"
    yield "|---|---|---|---|---|---|---|---|"
    for cell, done in results.items():
        if cell.world == world and cell.noise and not (cell.rule == "greedy" and cell.nights != nights):
            yield row(cell, done, results[Cell(world, cell.noise, "greedy", cell.nights)], free)


def row(cell: Cell, done: Summary, base: Summary, free: Summary) -> str:
    matters = " *matters*" if cell.rule == "greedy" and base.gain < MATTERS * free.gain else ""
    against = (
        f"{done.gain / base.gain - 1:+.1%}" if base.gain > 0 else f"{1e4 * (done.gain - base.gain):+.1f}"
    )
    return (
        f"| {cell.noise:g}{matters} | {cell.rule} | {1e4 * done.gain:.1f} ± {1e4 * done.error:.1f} "
        f"| {against} | {1e4 * done.claimed:.1f} | {done.kept:.2f} | {done.false:.1%} | {done.tried:.0f} |"
    )


def resemblance(nights: int = 300) -> Iterator[str]:
    """The record beside greedy nights of the shrinking world at the record's noise."""
    real = recorded_values()
    simulated = [greedy_values(seed, len(real)) for seed in range(nights)]
    yield "| figure | record | simulated (mean, sd) |"
    yield "|---|---|---|"
    for name, of_record in figures(real).items():
        many = np.array([figures(values)[name] for values in simulated])
        yield f"| {name} | {of_record:.1f} | {many.mean():.1f}, {many.std():.1f} |"


def greedy_values(seed: int, runs: int) -> list[float]:
    """The values that a greedy night would record."""
    random, world = np.random.default_rng(seed), Shrinking()
    gained, lowest, values = 0.0, math.inf, list[float]()
    for run in range(runs):
        effect = world.effect(random.random(), random.standard_normal(), gained) if run else 0.0
        values.append(BASELINE - gained - effect + RECORD_NOISE * random.standard_normal())
        if values[-1] < lowest:
            lowest, gained = values[-1], gained + effect
    return values


def figures(values: list[float]) -> dict[str, float]:
    seen = np.array(differences(values))
    gains, losses = 1e4 * seen[seen > 0], -1e4 * seen[seen <= 0]
    shown = {
        "gains seen": float(len(gains)),
        "gains in the first 13": float((seen[:13] > 0).sum()),
        "whole gain, 1e-4": float(gains.sum()),
        "gain after the 60th, 1e-4": float(1e4 * (min(values[:61]) - min(values))),
        "median gain, 1e-4": float(np.median(gains)),
        "largest gain, 1e-4": float(gains.max()),
    }
    quartiles = {f"loss, quantile {part}, 1e-4": float(np.quantile(losses, part)) for part in (0.1, 0.5, 0.9)}
    return shown | quartiles


def markdown(results: Results, nights: int) -> str:
    rules_in_use = ", ".join(
        f"{key} {value}"
        for key, value in asdict(Defaults()).items()
        if key in {"baseline_runs", "false_share", "most_runs"}
    )
    lines = [INTRODUCTION.format(nights=nights, runs=RUNS, rules=rules_in_use)]
    for world, drawn in worlds().items():
        words = WORDS.get(world) or " ".join((type(drawn).__doc__ or "").split())
        lines += [f"## World: {world}", "", words, ""]
        lines += [*(resemblance() if world == "shrinking" else ()), ""]
        lines += [*table(results, world, nights), ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    results = all_played(given.nights)
    given.out.with_suffix(".md").write_text(markdown(results, given.nights), encoding="utf-8")
    given.out.with_suffix(".svg").write_text(figure(results, given.nights), encoding="utf-8")


if __name__ == "__main__":
    main()
