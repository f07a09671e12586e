"""The rule: after every measurement, whether to keep, drop, hold, or measure once more and which of the two.

A pure function over plain values; lower is better. How it decides:

- The baseline is measured `baseline_runs` times: there is no best before, and no noise.
- A mean that is lower than the best's by more than `plausible_drop` of it is held for a person.
- The probability that the candidate is truly better is a posterior (`statistics.believe`): a prior on
  effects fitted to the night's attempts, noise pooled over all repeats and known only so well. The best was
  chosen for being low; the prior takes that luck back, and so do fresh runs of the best beside the
  candidate's, two for each, since every later candidate needs the best and only this one needs its own.
- A posterior means the same however often one looks, if the prior is right: among changes kept at
  probability p, 1 - p are false at most. That is why there is no correction for stopping early; the
  simulator in tests/benchmarks shows how far it holds when the prior is wrong.
- A candidate goes on only while it is promising: its probability is at least `drop_probability`, and the
  gain to expect of it is at least that of a fresh proposal, which costs one run too.
- With `simplicity`, a source shorter by `simplicity_lines` is kept as soon as it is probably not worse
  by more than `simplicity_tolerance`.

Everything that keeps is stated positively, so that no NaN can pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from tests.benchmarks.noise import Belief, Difference, Effects, Noise, believe, difference

BEST_RUNS_PER_RUN = 2


class Step(StrEnum):
    """What to do next."""

    KEEP = "keep"
    DISCARD = "discard"
    REPEAT = "repeat"
    REPEAT_BEST = "repeat_best"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Ruling:
    """The next step with its one reason, and the probability that it rests on where there is one."""

    step: Step
    reason: str
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """The values that one source was measured at, each with a seed of its own, and its lines of code."""

    values: tuple[float, ...] = ()
    lines: int = 0

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) for value in self.values):
            raise ValueError("a measured value is finite")

    @property
    def runs(self) -> int:
        return len(self.values)


class SequentialRules(Protocol):
    """The part of a policy that the rule rests on."""

    @property
    def margin(self) -> float: ...
    @property
    def baseline_runs(self) -> int: ...
    @property
    def keep_probability(self) -> float: ...
    @property
    def drop_probability(self) -> float: ...
    @property
    def most_runs(self) -> int: ...
    @property
    def plausible_drop(self) -> float: ...
    @property
    def simplicity(self) -> bool: ...
    @property
    def simplicity_lines(self) -> int: ...
    @property
    def simplicity_tolerance(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Case:
    """One candidate against the best, after at least one run of each."""

    candidate: Sample
    best: Sample
    seen: Difference
    rules: SequentialRules

    @property
    def simpler(self) -> bool:
        """Whether the source is so much shorter that equal is enough."""
        shorter = self.best.lines - self.candidate.lines
        return self.rules.simplicity and shorter >= max(self.rules.simplicity_lines, 1)

    @property
    def bar(self) -> float:
        """The effect that has to be surpassed."""
        return -self.rules.simplicity_tolerance if self.simpler else 0.0

    @property
    def enough(self) -> bool:
        return self.simpler or self.seen.value >= self.rules.margin

    @property
    def plausible(self) -> bool:
        mean = math.fsum(self.best.values) / self.best.runs
        return self.seen.value <= self.rules.plausible_drop * abs(mean)

    @property
    def next(self) -> Step | None:
        """Which of the two to measure; None when both reached their limit."""
        best_limit = BEST_RUNS_PER_RUN * self.rules.most_runs
        ahead = self.best.runs >= min(BEST_RUNS_PER_RUN * self.candidate.runs, best_limit)
        if self.candidate.runs < self.rules.most_runs and ahead:
            return Step.REPEAT
        return Step.REPEAT_BEST if self.best.runs < best_limit else None

    def told(self, belief: Belief) -> str:
        """The figures of a reason."""
        word = "better" if self.seen.value > 0 else "worse"
        what = f"no worse than by {-self.bar:.6f}, being shorter" if self.simpler else "truly better"
        return (
            f"{abs(self.seen.value):.6f} {word} on average of {self.candidate.runs} against "
            f"{self.best.runs} runs of the best, with probability {belief.probability:.3f} {what}"
        )


def judge(
    candidate: Sample, best: Sample, noise: Noise | None, effects: Effects | None, rules: SequentialRules
) -> Ruling:
    """Say what to do after the candidate's latest measurement; a best without values makes it the baseline.

    `noise` is pooled over every repeat so far, this candidate's included, and None before the first;
    `effects` is fitted to the first differences of the attempts before this one.
    """
    if not candidate.values:
        return Ruling(Step.REPEAT, "not measured yet")
    if not best.values:
        return _baseline(candidate, rules)
    case = Case(candidate, best, difference(candidate.values, best.values), rules)
    if not case.plausible:
        return Ruling(Step.HOLD, _implausible(case))
    if noise is None or effects is None:
        return Ruling(Step.REPEAT_BEST, "the noise is not known: nothing was measured twice")
    return _weighed(case, believe(case.seen, noise, effects, case.bar), effects)


def _baseline(candidate: Sample, rules: SequentialRules) -> Ruling:
    mean = math.fsum(candidate.values) / candidate.runs
    if candidate.runs >= rules.baseline_runs:
        return Ruling(Step.KEEP, f"baseline: {mean:.6f} on average of {candidate.runs} runs")
    return Ruling(Step.REPEAT, f"baseline: run {candidate.runs} of {rules.baseline_runs}")


def _implausible(case: Case) -> str:
    return (
        f"{case.seen.value:.6f} better than the best on average of {case.candidate.runs} runs is more than "
        f"{case.rules.plausible_drop:.1%} of it: too good to be true before a person has looked"
    )


def _weighed(case: Case, belief: Belief, effects: Effects) -> Ruling:
    def ruled(step: Step, why: str) -> Ruling:
        return Ruling(step, f"{case.told(belief)}: {why}", belief.probability)

    rules = case.rules
    if belief.probability >= rules.keep_probability:
        if case.enough:
            return ruled(Step.KEEP, f"at least {rules.keep_probability:.3f}")
        return ruled(Step.DISCARD, f"less than the margin {rules.margin:.6f}")
    if not belief.probability >= rules.drop_probability:
        return ruled(Step.DISCARD, f"below {rules.drop_probability:.3f}")
    if not (case.simpler or belief.gain >= effects.gain):
        return ruled(Step.DISCARD, "less to expect of it than of a fresh proposal")
    if case.next is None:
        return ruled(Step.DISCARD, f"not at {rules.keep_probability:.3f} after the most runs")
    return ruled(case.next, f"not yet at {rules.keep_probability:.3f}")
