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
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.benchmarks.nights import (
    BASELINE,
    RECORD_NOISE,
    RUNS,
    Defaults,
    Drawn,
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

NOISES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
OUT = Path(__file__).parent / "results" / "2026-11-24-nights"
COLOURS = {"greedy": "#c0392b", "simple": "#7f8c8d", "default": "#1f5fa8", "keep at 0.5": "#5faf5f"}
INTRODUCTION = """# Nights with known true effects

`python -m tests.benchmarks.nights_report --nights {nights}`: {runs} training runs a night, baseline and
repeats included; {nights} nights a cell; every rule meets the same proposals. Gain: how much lower the final
best truly is, in 1e-4 of the metric, with its standard error and the difference from greedy. False: share of
all keeps that were truly no better. Kept, tried: means a night. `simple`: three baseline runs, drop below
z 0.7, keep above z 2 after two runs, at most three. `default`: the rule under study (orchestrator/deciding)
with its default parameters; `keep at 0.5`: the same with that keep probability.

![gain and false share over the noise](2026-11-24-nights.svg)
"""


@dataclass(frozen=True, slots=True)
class Cell:
    """One world, noise and rule, by name: what a process is given to play."""

    world: str
    noise: float
    rule: str
    nights: int


def worlds() -> Mapping[str, World]:
    return {"shrinking": Shrinking(), "drawn": Drawn(tuple(differences(recorded_values())))}


def rules() -> Mapping[str, Rule]:
    return {
        "greedy": greedy,
        "simple": simple,
        "default": sequential(Defaults()),
        "keep at 0.5": sequential(Defaults(keep_probability=0.5)),
    }


def played(cell: Cell) -> Summary:
    world, rule = worlds()[cell.world], rules()[cell.rule]
    return summarised([play(world, cell.noise, rule, seed) for seed in range(cell.nights)])


Results = Mapping[Cell, Summary]


def all_played(nights: int) -> Results:
    cells = [Cell(world, noise, rule, nights) for world in worlds() for rule in rules() for noise in NOISES]
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        return dict(zip(cells, processes.map(played, cells), strict=True))


def table(results: Results, world: str) -> Iterator[str]:
    yield "| noise | rule | gain | against greedy | kept | false | tried |"
    yield "|---|---|---|---|---|---|---|"
    for noise in NOISES:
        row = {
            cell.rule: done for cell, done in results.items() if (cell.world, cell.noise) == (world, noise)
        }
        for rule, done in row.items():
            base = row["greedy"].gain
            against = f"{done.gain / base - 1:+.1%}" if base > 0 else f"{1e4 * (done.gain - base):+.1f}"
            yield (
                f"| {noise:g} | {rule} | {1e4 * done.gain:.1f} ± {1e4 * done.error:.1f} | {against} "
                f"| {done.kept:.1f} | {done.false:.1%} | {done.tried:.0f} |"
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
    lines = [INTRODUCTION.format(nights=nights, runs=RUNS)]
    for world, drawn in worlds().items():
        lines += [f"## World: {world}", "", " ".join((type(drawn).__doc__ or "").split()), ""]
        lines += [*(resemblance() if world == "shrinking" else ()), ""]
        lines += [*table(results, world), ""]
    return "\n".join(lines)


CANVAS = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="860" height="640" font-family="sans-serif"'
    ' font-size="12"><rect width="860" height="640" fill="white"/>'
)
PANEL_WIDTH, PANEL_HEIGHT, LEFT, TOP = 330, 230, 60, 40


def figure(results: Results) -> str:
    """Two rows, one a world; left the true gain in 1e-4, right the false share in per cent."""
    parts = [CANVAS]
    for row, world in enumerate(worlds()):
        for column, title in enumerate(("true gain, 1e-4", "false keeps, %")):
            lines = {
                rule: [shown(results, world, noise, rule, column) for noise in NOISES] for rule in rules()
            }
            parts += panel(f"{world}: {title}", lines, LEFT + column * 420, TOP + row * 295)
    for index, (rule, colour) in enumerate(COLOURS.items()):
        parts.append(f'<text x="{LEFT + 130 * index}" y="630" fill="{colour}">— {rule}</text>')
    return "\n".join([*parts, "</svg>", ""])


def shown(results: Results, world: str, noise: float, rule: str, column: int) -> float:
    (done,) = (
        done for cell, done in results.items() if (cell.world, cell.noise, cell.rule) == (world, noise, rule)
    )
    return 100 * done.false if column else 1e4 * done.gain


def panel(title: str, lines: Mapping[str, list[float]], left: int, top: int) -> Iterator[str]:
    values = [value for line in lines.values() for value in line]
    low, high = min(0.0, *values), max(values)
    steps = len(NOISES) - 1

    def y(value: float) -> float:
        return top + PANEL_HEIGHT * (high - value) / (high - low)

    yield f'<text x="{left}" y="{top - 8}" font-weight="bold">{title}</text>'
    yield f'<path d="M{left},{top}V{top + PANEL_HEIGHT}H{left + PANEL_WIDTH}" fill="none" stroke="#888"/>'
    for value in sorted({low, 0.0, (low + high) / 2, high}):
        yield f'<text x="{left - 6}" y="{y(value) + 4:.0f}" text-anchor="end">{value:.0f}</text>'
    for index, noise in enumerate(NOISES):
        x = left + PANEL_WIDTH * index / steps
        yield f'<text x="{x:.0f}" y="{top + PANEL_HEIGHT + 16}" text-anchor="middle">{noise:g}</text>'
    for rule, line in lines.items():
        points = " ".join(
            f"{left + PANEL_WIDTH * i / steps:.0f},{y(value):.1f}" for i, value in enumerate(line)
        )
        yield f'<polyline points="{points}" fill="none" stroke="{COLOURS[rule]}" stroke-width="2"/>'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    results = all_played(given.nights)
    given.out.with_suffix(".md").write_text(markdown(results, given.nights), encoding="utf-8")
    given.out.with_suffix(".svg").write_text(figure(results), encoding="utf-8")


if __name__ == "__main__":
    main()
