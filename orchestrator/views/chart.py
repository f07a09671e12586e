"""progress.png: the staircase of best scores, what was tried on the way, and how sure the numbers are.

The only place that knows matplotlib. Nothing a candidate or a model wrote is drawn: numbers, and our words.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from orchestrator.records import Measure
from orchestrator.story import AttemptStory, Story

NUMBER_WIDTH = 0.04  # of the chart: what a number beside a point takes
CROWD = 200  # marks of one kind, above which they are drawn small
BAR = "; bar: the larger of\nrepeats' and score's standard error"
WORST_SHOWN = 0.9  # of the discarded values: the rest is at the edge of the chart
_LETTERS = 60


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one scheme, those of the report's page."""

    paper: str
    ink: str
    quiet: str
    line: str
    kept: str
    held: str
    failed: str


LIGHT = Palette("#ffffff", "#1c2024", "#8b929a", "#d5d9de", "#0a7d45", "#b25c00", "#c0302b")
DARK = Palette("#14171a", "#e6e8ea", "#868d95", "#363b41", "#4cc38a", "#f0a04b", "#f2706a")


@dataclass(frozen=True, slots=True)
class Format:
    """Inches and dots per inch; a narrow one is for phones."""

    width: float
    height: float
    dpi: int


WIDE = Format(11.0, 5.6, 130)
NARROW = Format(4.7, 5.6, 170)


def draw_progress(story: Story, *, palette: Palette = LIGHT, shape: Format = WIDE) -> bytes:
    """The chart of a story as a PNG."""
    figure, picture = progress_figure(story, palette, shape), io.BytesIO()
    figure.savefig(picture, format="png", facecolor=palette.paper, pil_kwargs={"optimize": True})
    return picture.getvalue()


def progress_figure(story: Story, palette: Palette = LIGHT, shape: Format = WIDE) -> Figure:
    """The chart before it is painted: scores on the first axes, holdout gaps, if any, on the second."""
    figure = Figure(figsize=(shape.width, shape.height), dpi=shape.dpi, facecolor=palette.paper)
    FigureCanvasAgg(figure)
    gaps = [(each.number, each.holdout_gap) for each in _kept(story) if each.holdout_gap is not None]
    if gaps:
        scores, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        _draw_gaps(below, gaps, palette)
    else:
        scores = below = figure.subplots()
    _draw_scores(scores, story, palette)
    below.set_xlabel("attempt", color=palette.ink)
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in {scores, below}:
        _plain(axes, palette)
    _legend(figure, scores, palette, columns=4 if shape.width > 6 else 2)
    return figure


def _kept(story: Story) -> list[AttemptStory]:
    return [each for number in story.kept if (each := story.attempt(number)).value is not None]


def _draw_scores(axes: Axes, story: Story, palette: Palette) -> None:
    axes.set_ylabel(_label(story.measure, lower=story.lower_is_better), color=palette.ink)
    kept = _kept(story)
    others = [each for each in story.attempts if each.value is not None and not each.kept]
    low, high = _limits(story, kept, others)
    axes.set_ylim(low, high)
    axes.set_xlim(0.5 - 0.01 * len(story.attempts), 0.5 + 1.01 * max(len(story.attempts), 1))
    _draw_others(axes, [each for each in others if not each.held], palette)
    _draw_failures(axes, story, palette)
    if kept:
        _draw_staircase(axes, story, kept, palette)
    _draw_held(axes, [each for each in others if each.held], palette)


def _limits(
    story: Story, kept: Sequence[AttemptStory], others: Sequence[AttemptStory]
) -> tuple[float, float]:
    """Every keep with its bar, and nine in ten of the rest; the worse edge has room for what failed."""
    loss = story.measure.direction.loss
    shown = sorted(loss(each.value) for each in others if each.value is not None)
    shown = shown[: max(round(len(shown) * WORST_SHOWN), 1)]
    for each in kept:
        if each.value is not None:
            error = story.error_of(each)
            shown += [loss(each.value) - error, loss(each.value) + error]
    best, worst = min(shown, default=0.0), max(shown, default=1.0)
    room = (worst - best) or abs(worst) or 1.0
    ends = (loss(best - 0.08 * room), loss(worst + 0.16 * room))
    return min(ends), max(ends)


def _draw_others(axes: Axes, others: Sequence[AttemptStory], palette: Palette) -> None:
    inside, outside = _split(axes, others)
    size = 14 if len(others) <= 5 * CROWD else 3
    if inside:
        label = f"discarded ({len(inside)})"
        axes.scatter(*_places(inside), s=size, color=palette.quiet, linewidths=0, label=label, zorder=2)
    if outside:
        edges = [_edge(axes, each) for each in outside]
        numbers = [each.number for each in outside]
        label = f"discarded, beyond the chart ({len(outside)})"
        axes.scatter(numbers, edges, s=size + 6, marker="^", color=palette.quiet, label=label, zorder=2)


def _draw_held(axes: Axes, held: Sequence[AttemptStory], palette: Palette) -> None:
    if held:
        numbers, values = _places(held)
        low, high = axes.get_ylim()
        values = [min(max(value, low), high) for value in values]
        label = f"held for a person ({len(held)})"
        style: dict[str, Any] = {"marker": "D", "facecolors": "none", "edgecolors": palette.held}
        axes.scatter(numbers, values, s=34, label=label, zorder=5, clip_on=False, **style)


def _draw_failures(axes: Axes, story: Story, palette: Palette) -> None:
    """A strip along the worse edge: what has no value."""
    failed = [each for each in story.attempts if each.value is None and each.action is not None]
    refused = [each.number for each in failed if each.status == "refused"]
    crashed = [each.number for each in failed if each.status != "refused" and not each.moved_on]
    low, high = axes.get_ylim()
    strip = high - 0.05 * (high - low) if story.lower_is_better else low + 0.05 * (high - low)
    rows = ((crashed, "x", palette.failed, "crashed or no score"), (refused, "|", palette.quiet, "refused"))
    for numbers, marker, color, words in rows:
        if numbers:
            label = f"{words} ({len(numbers)})"
            size = 26 if len(numbers) <= CROWD else 6
            axes.scatter(numbers, [strip] * len(numbers), s=size, marker=marker, color=color, label=label)


def _draw_staircase(axes: Axes, story: Story, kept: Sequence[AttemptStory], palette: Palette) -> None:
    numbers, values = _places(kept)
    ends = [*numbers, max(len(story.attempts), numbers[-1]) + 0.4]
    steps = [*values, values[-1]]
    if story.noise is not None:
        band = ([value - story.noise for value in steps], [value + story.noise for value in steps])
        label = f"± noise of one run ({story.noise:.2g})"
        axes.fill_between(ends, *band, step="post", color=palette.kept, alpha=0.15, lw=0, label=label)
    axes.step(ends, steps, where="post", color=palette.kept, linewidth=1.4, zorder=3, label="best so far")
    errors = [story.error_of(each) for each in kept]
    label = f"kept ({len(kept)})" + (BAR if any(errors) else "")
    bars = errors if any(errors) else None
    crowded = len(kept) > CROWD
    style: dict[str, Any] = {
        "fmt": "o",
        "ms": 2 if crowded else 5,
        "capsize": 0 if crowded else 2,
        "zorder": 4,
    }
    style["elinewidth"] = 0.3 if crowded else 1
    axes.errorbar(numbers, values, yerr=bars, label=label, color=palette.kept, **style)
    below = -12 if story.lower_is_better else 6
    for each in _apart(kept, len(story.attempts)):
        place: dict[str, Any] = {"textcoords": "offset points", "xytext": (3, below), "fontsize": 7}
        axes.annotate(str(each.number), (each.number, each.value or 0.0), color=palette.kept, **place)


def _apart(kept: Sequence[AttemptStory], count: int) -> list[AttemptStory]:
    """Those whose numbers can be written without touching, the best among them."""
    chosen: list[AttemptStory] = []
    for each in reversed(kept):
        if not chosen or chosen[-1].number - each.number > NUMBER_WIDTH * count:
            chosen.append(each)
    return chosen


def _draw_gaps(axes: Axes, gaps: Sequence[tuple[int, float]], palette: Palette) -> None:
    numbers, values = zip(*gaps, strict=True)
    axes.axhline(0, color=palette.line, linewidth=1)
    axes.plot(numbers, values, "s-", markersize=3.5, linewidth=1, color=palette.held)
    axes.set_ylabel("holdout gap", color=palette.ink)
    reach = 1.25 * max(*map(abs, values), 1e-12) if len(values) > 1 else 1.25 * (abs(values[0]) or 1.0)
    axes.set_ylim(min(0.0, *values) - 0.1 * reach, max(0.0, *values) + 0.25 * reach)


def _places(attempts: Iterable[AttemptStory]) -> tuple[list[int], list[float]]:
    pairs = [(each.number, each.value) for each in attempts if each.value is not None]
    return [number for number, _ in pairs], [value for _, value in pairs]


def _split(axes: Axes, attempts: Sequence[AttemptStory]) -> tuple[list[AttemptStory], list[AttemptStory]]:
    low, high = axes.get_ylim()
    inside = [each for each in attempts if each.value is not None and low <= each.value <= high]
    numbers = {each.number for each in inside}
    return inside, [each for each in attempts if each.number not in numbers]


def _edge(axes: Axes, attempt: AttemptStory) -> float:
    low, high = axes.get_ylim()
    near = 0.015 * (high - low)
    return high - near if (attempt.value or 0.0) > high else low + near


def _label(measure: Measure, *, lower: bool) -> str:
    unit = f", {measure.unit}" if measure.unit else ""
    reported = "" if measure.verified else ", self-reported"
    words = f"{measure.name}{unit}{reported} ({'lower' if lower else 'higher'} is better)"
    return words.encode("ascii", "replace").decode().replace("$", "")[:_LETTERS]


def _plain(axes: Axes, palette: Palette) -> None:
    axes.set_facecolor(palette.paper)
    axes.tick_params(colors=palette.ink, labelsize=8)
    axes.grid(axis="y", color=palette.line, linewidth=0.6)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in {"left", "bottom"})
        spine.set_color(palette.line)


def _legend(figure: Figure, axes: Axes, palette: Palette, columns: int) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        style: dict[str, Any] = {"frameon": False, "fontsize": 8, "loc": "outside upper left"}
        figure.set_layout_engine("constrained")
        figure.legend(handles, labels, ncols=columns, labelcolor=palette.ink, **style)
