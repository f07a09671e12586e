"""progress.png: what stands on it and where."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes

from orchestrator.ledger.story import story_of_results
from orchestrator.records import Action, Direction, Measure
from orchestrator.story import Story
from orchestrator.views.chart import NARROW, WIDE, draw_progress, progress_figure
from tests.views.stories import attempt, small_night, story

UPSTREAM = Path(__file__).parents[1] / "ledger/data/mar8_results.tsv"


def scores_of(told: Story) -> Axes:
    return progress_figure(told).axes[0]


def labels(told: Story) -> list[str]:
    return scores_of(told).get_legend_handles_labels()[1]


def staircase(told: Story) -> np.ndarray:
    line = next(line for line in scores_of(told).lines if line.get_label() == "best so far")
    return np.asarray(line.get_ydata())


def test_every_end_of_an_attempt_has_its_mark_with_its_count() -> None:
    assert labels(small_night()) == [
        "discarded (1)",
        "crashed or no score (1)",
        "refused (1)",
        "± noise of one run (0.02)",
        "best so far",
        "held for a person (1)",
        "kept (3); bar: the larger of\nrepeats' and score's standard error",
    ]


def test_the_staircase_goes_through_the_kept_values() -> None:
    assert staircase(small_night()).tolist() == [2.0, 1.9, 1.8, 1.8]
    upstream = staircase(story_of_results(UPSTREAM))
    assert len(upstream) == 24
    assert (np.diff(upstream) <= 0).all()
    assert upstream[-1] == 0.969686


def test_a_bar_is_the_larger_of_both_errors() -> None:
    night = small_night()
    assert night.error_of(night.attempt(1)) == pytest.approx(0.02 / 3**0.5)
    assert small_night(noise=None).error_of(night.attempt(1)) == 0.001
    assert small_night(noise=1e-9).error_of(night.attempt(1)) == 0.001


def test_the_holdout_gap_has_axes_of_its_own_where_there_is_one() -> None:
    below = progress_figure(small_night()).axes[1]
    assert any(pytest.approx(value) == 0.05 for line in below.lines for value in np.asarray(line.get_ydata()))
    assert len(progress_figure(story_of_results(UPSTREAM)).axes) == 1


def test_far_values_do_not_flatten_the_rest_and_are_counted() -> None:
    others = [attempt(number, 2.0 + number / 1000) for number in range(2, 12)]
    told = story(attempt(1, 2.0, action=Action.KEEP), *others, attempt(12, 50.0))
    assert "discarded, beyond the chart (1)" in labels(told)
    assert scores_of(told).get_ylim()[1] < 3


def test_a_metric_that_is_better_when_higher_climbs() -> None:
    keep = Action.KEEP
    measure = Measure("accuracy", "", Direction.MAXIMIZE)
    told = story(
        attempt(1, 0.8, action=keep), attempt(2, 0.9, action=keep), attempt(3, None), measure=measure
    )
    axes = scores_of(told)
    assert axes.get_ylabel() == "accuracy (higher is better)"
    assert axes.get_ylim()[0] < 0.8
    failed = next(dots for dots in axes.collections if str(dots.get_label()).startswith("crashed"))
    assert np.asarray(failed.get_offsets())[0, 1] < 0.8


@pytest.mark.parametrize(
    "told", [story(), story(attempt(1)), story(attempt(1, None)), story(attempt(1, 0.0))]
)
def test_a_night_with_hardly_anything_is_drawn(told: Story) -> None:
    assert draw_progress(told).startswith(b"\x89PNG")


@pytest.mark.parametrize("shape", [WIDE, NARROW])
def test_the_picture_has_its_size(shape: object) -> None:
    data = draw_progress(small_night(), shape=NARROW if shape is NARROW else WIDE)
    width, height = struct.unpack(">II", data[16:24])
    assert (width, height) == ((799, 952) if shape is NARROW else (1430, 728))


def test_a_unit_that_looks_like_mathematics_is_drawn_as_text() -> None:
    measure = Measure("los$s_{x", "été $\\frac", Direction.MINIMIZE)
    assert draw_progress(small_night(measure=measure)).startswith(b"\x89PNG")
