"""The rule: after every run, whether to keep, drop, hold, or measure once more and which of the two.

A pure function over plain values; lower is better. How it decides:

- The baseline is measured `baseline_runs` times: there is no best before, and no noise.
- A mean that is lower than the best's by more than `plausible_drop` of it is held for a person.
- The night is replayed from its log (`level.known`): the best's true level, from its own values and from
  every later candidate's, and what changes do now. The posterior of the candidate's effect follows.
- Keep what is no better with a probability of at most a third of `false_share`. Keep more by the expected
  share of false keeps of the night, not by a fixed probability (Newton et al. 2004, Mueller et al. 2004): the
  probabilities of being no better, added up over the night's keeps, stay below `false_share` of a keep for
  each earlier keep but the first. Clear gains pay for small ones. The reckoning leans to the safe side, by a
  prior that favours no effect: at 0.15, 5 to 10 per cent are really false, says tests/benchmarks. At 1 all
  that is left is that a better final score is expected.
- Go on measuring only while what may still be gained is worth more than a part of what a fresh proposal's
  run is worth now, and not more often than `most_runs`; measure whichever of the two tells more.
- With `simplicity`, a source shorter by `simplicity_lines` is kept as soon as it is probably not worse
  by more than `simplicity_tolerance`.

Everything that keeps is stated positively, so that no NaN can pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from orchestrator.deciding.effects import Belief, Effects
from orchestrator.deciding.level import Known, Level, known
from orchestrator.deciding.night import Night, Sample
from orchestrator.deciding.noise import Noise, pooled
from orchestrator.records import Action, Decision

SURE = 1 / 3  # of the false share: a doubt that may be kept whatever was kept before
LEAST_PROBABILITY = 0.6  # no credit keeps what is less likely to be better
DROP_PROBABILITY = 0.1  # below it nothing is measured again
PART_OF_FRESH = 0.2  # of a fresh proposal's worth, below which nothing is measured again
KNOWN_ENOUGH = 0.05  # of one run's variance: more runs of the best tell nothing
BEST_RUNS_PER_RUN = 2
OUTLYING = 30  # times the noise of the bests: an attempt that scatters so says nothing about others


class Rules(Protocol):
    """The part of a policy that the rule rests on."""

    @property
    def margin(self) -> float: ...
    @property
    def baseline_runs(self) -> int: ...
    @property
    def false_share(self) -> float: ...
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
    """One candidate against the best, after at least one value of each."""

    candidate: Sample
    best: Sample
    night: Night
    rules: Rules

    @property
    def lower(self) -> float:
        """How much lower the candidate's mean is."""
        return self.best.mean - self.candidate.mean

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
    def plausible(self) -> bool:
        """Whether the gain is one to believe; of a best at zero nothing can be a share."""
        return not self.best.mean or self.lower <= self.rules.plausible_drop * abs(self.best.mean)

    @property
    def needed(self) -> float:
        """The probability that is enough to keep, given what was kept before."""
        before = [kept.probability for kept in self.night.attempts if kept.kept and kept.best is not None]
        doubts = [1 - probability for probability in before if probability is not None]
        share = self.rules.false_share
        allowed = max(share * (len(doubts) - 1) - sum(doubts), share * SURE)
        return max(1 - allowed, min(LEAST_PROBABILITY, 1 - share))

    @property
    def facts(self) -> dict[str, float | int]:
        return {"runs": self.candidate.runs, "best_runs": self.best.runs}

    def next(self, noise: Noise, level: Level) -> Action | None:
        """The one of the two whose next run takes more off the variance; None when neither may or can."""
        count, single = len(self.candidate.values), noise.deviation**2
        may = self.candidate.runs < self.rules.most_runs
        may_best = self.best.runs < BEST_RUNS_PER_RUN * self.rules.most_runs
        if may and (not may_best or single / (count * (count + 1)) >= _saved(level, single)):
            return Action.REPEAT
        if may_best and (may or level.variance >= KNOWN_ENOUGH * single):
            return Action.REPEAT_BEST
        return None

    def told(self, belief: Belief) -> str:
        """The figures of a reason."""
        word = "better" if self.lower > 0 else "worse"
        what = f"no worse than by {-self.bar:.6f}, being shorter" if self.simpler else "truly better"
        return (
            f"{abs(self.lower):.6f} {word} on average of {self.candidate.runs} against "
            f"{self.best.runs} runs of the best, with probability {belief.probability:.3f} {what}"
        )


def _saved(level: Level, single: float) -> float:
    """How much one more run of the best takes off the variance of its level."""
    return level.variance**2 / (level.variance + single)


def judge(candidate: Sample, best: Sample, night: Night, rules: Rules) -> Decision:
    """Say what to do after the candidate's latest run; a best without values makes it the baseline.

    The decision's facts hold what is known of: probability, noise, degrees_of_freedom, runs, best_runs.
    """
    if not candidate.values:
        return _unmeasured(candidate)
    if not best.values:
        return _baseline(candidate, rules)
    case = Case(candidate, best, night, rules)
    if not case.plausible:
        return Decision(Action.HOLD, _implausible(case), case.facts)
    noise = pooled(_measured(candidate, best, night))
    if noise is None:
        return _without_noise(case)
    return _weighed(case, noise, known(night, best.values, noise))


def _measured(candidate: Sample, best: Sample, night: Night) -> Iterator[tuple[float, ...]]:
    """Everything measured, each source once."""
    ours = (best.values, *night.bests[:-1])
    yield from (candidate.values, *ours)
    noise = pooled(ours)
    for attempt in night.attempts:
        own = None if attempt.kept else pooled([attempt.values])
        if own and (noise is None or own.deviation <= OUTLYING * noise.deviation):
            yield attempt.values


def _unmeasured(candidate: Sample) -> Decision:
    facts = {"runs": candidate.runs}
    if not candidate.runs:
        return Decision(Action.REPEAT, "not measured yet", facts)
    return Decision(Action.DISCARD, f"no value after {candidate.runs} runs", facts)


def _baseline(candidate: Sample, rules: Rules) -> Decision:
    facts: dict[str, float | int] = {"runs": candidate.runs}
    noise = pooled([candidate.values])
    if noise:
        facts |= {"noise": noise.deviation, "degrees_of_freedom": noise.degrees}
    if candidate.runs >= rules.baseline_runs:
        scatter = f", which scatter by {noise.deviation:.6f}" if noise else ""
        return Decision(Action.KEEP, f"baseline: the mean of {len(candidate.values)} runs{scatter}", facts)
    return Decision(Action.REPEAT, f"baseline: run {candidate.runs} of {rules.baseline_runs}", facts)


def _without_noise(case: Case) -> Decision:
    if case.best.runs < BEST_RUNS_PER_RUN * case.rules.most_runs:
        return Decision(Action.REPEAT_BEST, "the noise is not known: nothing was measured twice", case.facts)
    return Decision(Action.DISCARD, "the noise is not known after the most runs of the best", case.facts)


def _implausible(case: Case) -> str:
    return (
        f"{case.lower:.6f} better than the best on average of {case.candidate.runs} runs is more than "
        f"{case.rules.plausible_drop:.1%} of it: too good to be true before a person has looked"
    )


def _weighed(case: Case, noise: Noise, night: Known) -> Decision:
    belief = night.effects.believe(night.level.less(case.candidate.values, noise), noise, case.bar)
    facts = {"noise": noise.deviation, "degrees_of_freedom": noise.degrees, **case.facts}
    step, why = _chosen(case, belief, noise, night.level, night.effects)
    return Decision(step, f"{case.told(belief)}: {why}", {"probability": belief.probability, **facts})


def _chosen(case: Case, belief: Belief, noise: Noise, level: Level, effects: Effects) -> tuple[Action, str]:
    needed = case.needed
    if belief.probability >= needed and (case.simpler or belief.mean > 0):
        if case.simpler or case.lower >= case.rules.margin:
            return Action.KEEP, f"at least {needed:.3f}"
        return Action.DISCARD, f"less than the margin {case.rules.margin:.6f}"
    if not belief.probability >= DROP_PROBABILITY:
        return Action.DISCARD, f"below {DROP_PROBABILITY:.3f}"
    if not (case.simpler or belief.gain >= PART_OF_FRESH * effects.worth(noise)):
        return Action.DISCARD, "less to expect of it than of a fresh proposal"
    step = case.next(noise, level)
    if step is None:
        return Action.DISCARD, f"not at {needed:.3f} after the most runs"
    return step, f"not yet at {needed:.3f}"
