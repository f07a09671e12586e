"""Where a constant may go from its best value, and the coordinate in which a step there is even.

float above 0          log, x/4 to 4x; below 1 never above 1
float in [0.5, 1)      log of what is missing to 1: 0.95 goes from 0.8 to 0.9875, as betas should
float below 0          the mirror image
0.0                    0 to 0.2
int up to 16           half to one and a half, at least one up and down, never below 1
power of two above 16  halved, kept, doubled
multiple of 64         multiples of 64 between half and double
other int above 16     log, half to double
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from orchestrator.proposers.constants import Bounds, Constant, Number

SMALL_INT = 16
WIDE_RATIO = 4.0
Scale = Literal["linear", "log", "missing", "mirror", "octave"]


@dataclass(frozen=True, slots=True)
class Range:
    """A range of values, and the scale on which TPE sees it. Ints stay ints."""

    low: float
    high: float
    scale: Scale
    whole: bool
    step: int = 1

    def distribution(self) -> BaseDistribution:
        """The distribution of the coordinate."""
        low, high = sorted((self._coordinate(self.low), self._coordinate(self.high)))
        if self.scale == "octave" or (self.whole and self.scale == "linear"):
            return IntDistribution(round(low), round(high))
        return FloatDistribution(low, high)

    def coordinate(self, value: Number) -> float:
        """Where a value lies, clipped into the range."""
        inside = self._coordinate(min(max(value, self.low), self.high))
        exact = self.scale == "octave" or (self.whole and self.scale == "linear")
        return round(inside) if exact else inside

    def value(self, coordinate: float) -> Number:
        """The value at a coordinate, with at most three significant digits when it is a float."""
        raw = self._value(coordinate)
        if self.whole:
            return round(min(max(raw, self.low), self.high))
        return float(f"{min(max(raw, self.low), self.high):.3g}")

    def _coordinate(self, value: float) -> float:
        if self.scale == "log":
            return math.log2(value)
        if self.scale == "missing":
            return -math.log2(1 - value)
        if self.scale == "mirror":
            return math.log2(-value)
        return math.log2(value / self.step) if self.scale == "octave" else value / self.step

    def _value(self, coordinate: float) -> float:
        if self.scale == "log":
            return float(2.0**coordinate)
        if self.scale == "missing":
            return float(1 - 2.0**-coordinate)
        if self.scale == "mirror":
            return float(-(2.0**coordinate))
        return float(2.0**coordinate * self.step if self.scale == "octave" else coordinate * self.step)


def range_of(constant: Constant) -> Range:
    """The range around a constant's value, or the one that its comment asks for."""
    if constant.bounds is not None:
        return _explicit(constant.value, constant.bounds)
    if isinstance(constant.value, int):
        return _around_int(constant.value)
    return _around_float(constant.value)


def _explicit(value: Number, bounds: Bounds) -> Range:
    whole = isinstance(value, int)
    low, high = (math.ceil(bounds.low), math.floor(bounds.high)) if whole else (bounds.low, bounds.high)
    wide = not whole and low > 0 and high / low >= WIDE_RATIO
    return Range(low, high, "log" if wide else "linear", whole)


def _around_int(value: int) -> Range:
    if value <= 0:
        return Range(value - 1, value + 1, "linear", True) if value else Range(0, 2, "linear", True)
    if value <= SMALL_INT:
        reach = max(1, value // 2)
        return Range(max(1, value - reach), value + reach, "linear", True)
    if value & (value - 1) == 0:
        return Range(value // 2, value * 2, "octave", True, step=value)
    if value % 64 == 0:
        return Range(-(-value // 128) * 64, value * 2, "linear", True, step=64)
    return Range(math.ceil(value / 2), value * 2, "log", True)


def _around_float(value: float) -> Range:
    if value == 0:
        return Range(0.0, 0.2, "linear", False)
    if value < 0:
        return Range(4 * value, value / 4, "mirror", False)
    if 0.5 <= value < 1:
        missing = 1 - value
        return Range(max(value / 4, 1 - 4 * missing), 1 - missing / 4, "missing", False)
    return Range(value / 4, min(4 * value, 1.0) if value < 1 else 4 * value, "log", False)
