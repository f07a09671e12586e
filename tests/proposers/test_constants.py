"""Constants are found by ast, and only the bytes of their literals are ever replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.proposers.constants import Bounds, Constant, edit_constants, read_constants
from orchestrator.proposers.ranges import range_of

SOURCE = '''"""Ein Beispiel mit Umlauten: ä, ö — and an emoji 🙂."""

GPU = harness.PROFILE == "gpu"

RATE = 3e-4  # learning rate — of everything
"🙂"; SHIFT = -0.5
BIG = 1_000_000
WIDTH = 640 if GPU else 128
BOUNDED = 4  # tune: 1..8
FREE: float = (0.25)  # tune: 1e-2 .. 1
FIXED = 8  # tune: off
TEXT = "3"; FLAG = True; PAIR = (1, 2); SUM = 1 + 2; NOTHING = None; TURN = 1j
_PRIVATE = 3
lower = 4
SEED = 1337
DATA_SEED = 7
TWICE = 1
TWICE = 2
LATER = 3
if GPU:
    LATER = 4
A = B = 5
HUGE = 1e999


def main():
    LOCAL = 7
'''


def test_plain_capital_numbers_are_found_with_their_values_and_ranges() -> None:
    constants = read_constants(SOURCE, gpu=False).constants
    assert {name: constant.value for name, constant in constants.items()} == {
        "RATE": 3e-4,
        "SHIFT": -0.5,
        "BIG": 1_000_000,
        "WIDTH": 128,
        "BOUNDED": 4,
        "FREE": 0.25,
    }
    assert constants["BOUNDED"].bounds == Bounds(1, 8)
    assert constants["FREE"].bounds == Bounds(0.01, 1)
    assert isinstance(constants["BIG"].value, int)


def test_the_device_in_force_chooses_the_literal() -> None:
    reading = read_constants(SOURCE, gpu=True)
    assert reading.values["WIDTH"] == 640
    assert edit_constants(SOURCE, reading, {"WIDTH": 768}) == SOURCE.replace("640 if GPU", "768 if GPU")


def test_an_edit_replaces_the_literals_and_no_other_byte() -> None:
    values = {"SHIFT": -0.25, "RATE": 0.001, "WIDTH": 192}
    edited = edit_constants(SOURCE, read_constants(SOURCE, gpu=False), values)
    expected = SOURCE.replace("3e-4", "0.001").replace("-0.5", "-0.25").replace("else 128", "else 192")
    assert edited == expected
    assert read_constants(edited, gpu=False).values["SHIFT"] == -0.25


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_other_line_endings_stay(ending: str) -> None:
    source = "é = 1\nDEPTH = 3\n# ü\nRATE = 0.5\n".replace("\n", ending)
    edited = edit_constants(source, read_constants(source, gpu=False), {"DEPTH": 4, "RATE": 0.25})
    assert edited == source.replace("3", "4").replace("0.5", "0.25")


def test_form_feeds_and_unicode_line_separators_do_not_shift_an_edit() -> None:
    source = "X = '\u2028\x85'\n\x0cDEPTH = 3\n"
    assert edit_constants(source, read_constants(source, gpu=False), {"DEPTH": 4}) == source.replace("3", "4")


def test_a_skeleton_is_the_same_for_sources_that_differ_in_constants_alone() -> None:
    base = read_constants(SOURCE, gpu=False)
    edited = edit_constants(SOURCE, base, {"RATE": 0.9, "WIDTH": 64})
    assert read_constants(edited, gpu=False).skeleton == base.skeleton
    assert read_constants(SOURCE + "x = 1\n", gpu=False).skeleton != base.skeleton


@pytest.mark.parametrize("source", ["", "def", "A = \x00", "(" * 500, "-" * 50_000 + "1", "A = '\\d'\na = 1"])
def test_a_source_without_constants_or_sense_has_none(source: str) -> None:
    assert dict(read_constants(source, gpu=False).constants) == {}


def constant(value: float, bounds: Bounds | None = None) -> Constant:
    return Constant("X", value, 0, 0, bounds)


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        (0.02, 0.005, 0.08),
        (0.4, 0.1, 1.0),
        (15.0, 3.75, 60.0),
        (0.0, 0.0, 0.2),
        (-0.1, -0.4, -0.025),
        (0.95, 0.8, 0.9875),
        (0.5, 0.125, 0.875),
        (3, 2, 4),
        (1, 1, 2),
        (0, 0, 2),
        (16, 8, 24),
        (128, 64, 256),
        (640, 320, 1280),
        (192, 128, 384),
        (20, 10, 40),
    ],
)
def test_a_range_lies_around_the_value_and_keeps_its_type(value: float, low: float, high: float) -> None:
    span = range_of(constant(value))
    assert span.low == pytest.approx(low)
    assert span.high == pytest.approx(high)
    assert type(span.value(span.coordinate(value))) is type(value)
    assert span.value(span.coordinate(value)) == pytest.approx(value)
    assert span.distribution()._contains(span.coordinate(value))
    assert span.distribution()._contains(span.coordinate(1e9))
    assert span.distribution()._contains(span.coordinate(-1e9))


def test_a_width_stays_a_multiple_of_its_unit() -> None:
    octave, wide = range_of(constant(128)), range_of(constant(640))
    assert [octave.value(at) for at in (-1, 0, 1)] == [64, 128, 256]
    assert {wide.value(at) for at in range(5, 21)} == set(range(320, 1281, 64))


def test_a_range_in_a_comment_is_respected() -> None:
    span = range_of(constant(4, Bounds(1, 8)))
    assert (span.low, span.high, span.whole) == (1, 8, True)
    assert range_of(constant(0.1, Bounds(0.001, 1))).scale == "log"


def test_the_shipped_template_has_constants_to_tune_on_both_devices() -> None:
    source = (Path(__file__).parents[2] / "train_template" / "train.py").read_text(encoding="utf-8")
    for gpu in (False, True):
        reading = read_constants(source, gpu=gpu)
        assert len(reading.constants) >= 5
        assert edit_constants(source, reading, reading.values) != ""
        compile(edit_constants(source, reading, reading.values), "train.py", "exec")
