"""The rule: after every measurement, whether to keep, drop, hold, or measure once more and which of the two.

A pure function over plain values; lower is better. How it decides:

- The baseline is measured `baseline_runs` times: there is no best before, and no noise.
- A mean that is lower than the best's by more than `plausible_drop` of it is held for a person.
- The probability that the candidate is truly better is a posterior (`effects.believe`): a prior on
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

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from orchestrator.deciding.effects import Belief, Difference, Effects, believe, difference, fitted_effects
from orchestrator.deciding.night import Night, Ruling, Sample, Step
from orchestrator.deciding.noise import Noise, pooled

BEST_RUNS_PER_RUN = 2


class Rules(Protocol):
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
    def helpful_share(self) -> float: ...
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
    rules: Rules

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
        return self.seen.value <= self.rules.plausible_drop * abs(self.best.mean)

    @property
    def next(self) -> Step | None:
        """Which of the two to measure; None when both reached their limit."""
        best_limit = BEST_RUNS_PER_RUN * self.rules.most_runs
        ahead = self.best.runs >= min(BEST_RUNS_PER_RUN * self.candidate.runs, best_limit)
        if self.candidate.runs < self.rules.most_runs and ahead:
            return Step.REPEAT
        return Step.REPEAT_BEST if self.best.runs < best_limit else None

    @property
    def facts(self) -> dict[str, float | int]:
        return {"runs": self.candidate.runs, "best_runs": self.best.runs}

    def told(self, belief: Belief) -> str:
        """The figures of a reason."""
        word = "better" if self.seen.value > 0 else "worse"
        what = f"no worse than by {-self.bar:.6f}, being shorter" if self.simpler else "truly better"
        return (
            f"{abs(self.seen.value):.6f} {word} on average of {self.candidate.runs} against "
            f"{self.best.runs} runs of the best, with probability {belief.probability:.3f} {what}"
        )


def judge(candidate: Sample, best: Sample, night: Night, rules: Rules) -> Ruling:
    """Say what to do after the candidate's latest run; a best without values makes it the baseline."""
    if not candidate.values:
        return _unmeasured(candidate)
    if not best.values:
        return _baseline(candidate, rules)
    case = Case(candidate, best, difference(candidate.values, best.values), rules)
    if not case.plausible:
        return Ruling(Step.HOLD, _implausible(case), case.facts)
    noise = pooled(_repeated(candidate, best, night))
    if noise is None:
        if best.runs >= BEST_RUNS_PER_RUN * rules.most_runs:
            return Ruling(Step.DISCARD, "the noise is not known after the most runs of the best", case.facts)
        return Ruling(Step.REPEAT_BEST, "the noise is not known: nothing was measured twice", case.facts)
    effects = fitted_effects(_differences(best, night), noise, rules.helpful_share)
    return _weighed(case, noise, effects)


def _repeated(candidate: Sample, best: Sample, night: Night) -> Iterator[tuple[float, ...]]:
    """Everything measured, each source once."""
    yield from (candidate.values, best.values)
    yield from night.bests[:-1]
    yield from (attempt.values for attempt in night.attempts if not attempt.kept)


def _differences(best: Sample, night: Night) -> list[float]:
    """How much lower each closed attempt's first value was than the best that it was compared with."""
    bests = [*night.bests[:-1], best.values]
    return [
        difference(attempt.values[:1], bests[attempt.best]).value
        for attempt in night.attempts
        if attempt.values and attempt.best is not None
    ]


def _unmeasured(candidate: Sample) -> Ruling:
    facts = {"runs": candidate.runs}
    if not candidate.runs:
        return Ruling(Step.REPEAT, "not measured yet", facts)
    return Ruling(Step.DISCARD, f"no value after {candidate.runs} runs", facts)


def _baseline(candidate: Sample, rules: Rules) -> Ruling:
    facts = {"runs": candidate.runs}
    if candidate.runs >= rules.baseline_runs:
        told = f"baseline: the mean of {len(candidate.values)} runs"
        return Ruling(Step.KEEP, told, facts)
    return Ruling(Step.REPEAT, f"baseline: run {candidate.runs} of {rules.baseline_runs}", facts)


def _implausible(case: Case) -> str:
    return (
        f"{case.seen.value:.6f} better than the best on average of {case.candidate.runs} runs is more than "
        f"{case.rules.plausible_drop:.1%} of it: too good to be true before a person has looked"
    )


def _weighed(case: Case, noise: Noise, effects: Effects) -> Ruling:
    belief = believe(case.seen, noise, effects, case.bar)
    known = {"noise": noise.deviation, "degrees_of_freedom": noise.degrees}

    def ruled(step: Step, why: str) -> Ruling:
        facts = {"probability": belief.probability, **known, **case.facts}
        return Ruling(step, f"{case.told(belief)}: {why}", facts)

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
