"""The figure of simulated nights: two panels a world, over the noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.benchmarks.nights import Summary

NOISES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
COLOURS = {"greedy": "#c0392b", "simple": "#7f8c8d", "default": "#1f5fa8"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One world, noise and rule, by name: what a process is given to play."""

    world: str
    noise: float
    rule: str
    nights: int


Results = Mapping[Cell, Summary]

DRAWN = ("shrinking", "drawn", "wide")
CANVAS = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="860" height="935" font-family="sans-serif"'
    ' font-size="12"><rect width="860" height="935" fill="white"/>'
)
PANEL_WIDTH, PANEL_HEIGHT, LEFT, TOP = 330, 230, 60, 40


def figure(results: Results, nights: int) -> str:
    """A row a world; left the true gain over a noise-free night's, right the false share, in per cent."""
    parts = [CANVAS]
    for place, world in enumerate(DRAWN):
        for column, title in enumerate(("true gain, % of noise-free", "false keeps, %")):
            lines = {
                rule: [shown(results, Cell(world, noise, rule, nights), column) for noise in NOISES]
                for rule in COLOURS
            }
            parts += panel(f"{world}: {title}", lines, LEFT + column * 420, TOP + place * 295)
    for index, (rule, colour) in enumerate(COLOURS.items()):
        parts.append(f'<text x="{LEFT + 130 * index}" y="925" fill="{colour}">— {rule}</text>')
    return "\n".join([*parts, "</svg>", ""])


def shown(results: Results, cell: Cell, column: int) -> float:
    free = results[Cell(cell.world, 0.0, "greedy", cell.nights)]
    return 100 * results[cell].false if column else 100 * results[cell].gain / free.gain


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
