"""Optuna's TPE over the constants of the entry file: a proposer that needs no key.

TPE knows nothing until it has seen some ten values, and a random vector in twelve dimensions is nearly always
worse than the start. So the first steps are small ones from the best: one or two constants, away from what
lost, onward where it won. After them TPE has every other turn, again for a few constants at a time: the two
together did better than either alone on a synthetic problem (tests/proposers/synthetic.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import create_trial

from orchestrator.errors import ProposerError
from orchestrator.proposers.constants import Number, Reading, edit_constants, read_constants, spell
from orchestrator.proposers.lessons import Lesson, learn
from orchestrator.proposers.ranges import Range, range_of
from orchestrator.records import Direction, History, Proposal

STARTUP_LESSONS = 16
TPE_SHARE = 0.5
MOST_CHANGED = 4
TRIES = 200
TPE_TRIES = 20
SMALLEST_STEP, LARGEST_STEP = 0.5, 1.0
NEAR = 3
SMALLEST_WIDTH = 64

Values = Mapping[str, Number]


class ConstantTuner:
    """Proposes other values for the constants of the best source, whoever wrote it.

    The same history and seed give the same proposal, and an instance never proposes one twice, so that it
    can be asked again while an attempt is still running.
    """

    name = "tuner"

    def __init__(
        self,
        entry_file: str = "train.py",
        *,
        gpu: bool,
        seed: int = 0,
        direction: Direction = Direction.MINIMIZE,
    ) -> None:
        self._entry_file = entry_file
        self._gpu = gpu
        self._seed = seed
        self._direction = direction
        self._proposed: set[str] = set()

    def propose(self, history: History) -> Proposal:
        """Raises ProposerError when no constant can be tuned, or nothing new is left to try."""
        source = history.best_files.get(self._entry_file, "")
        best = read_constants(source, gpu=self._gpu)
        if not best.constants:
            remedy = "write NAME = number lines in capitals at its top, or use another proposer"
            raise ProposerError(f"{self._entry_file} has no constant to tune", remedy=remedy)
        lessons = learn(history, best, self._entry_file, gpu=self._gpu, direction=self._direction)
        tried = {_key(lesson.values) for lesson in lessons} | {_key(best.values)}
        texts = {entry.files.get(self._entry_file, "") for entry in history.entries} | self._proposed
        for values in self._candidates(best, lessons, len(history.entries)):
            text = edit_constants(source, best, _changes(values, best.values))
            if _key(values) not in tried and text not in texts and _heads_fit(values, best.values):
                self._proposed.add(text)
                return self._proposal(text, values, best.values, len(lessons))
        remedy = "widen ranges with '# tune: low..high' comments, or use another proposer"
        raise ProposerError("every configuration within reach was tried", remedy=remedy)

    def _candidates(
        self, best: Reading, lessons: Sequence[Lesson], count: int
    ) -> Iterator[dict[str, Number]]:
        ranges = {name: range_of(constant) for name, constant in best.constants.items()}
        random = np.random.default_rng([self._seed, count, len(self._proposed)])
        learned = sum(not lesson.failed for lesson in lessons)
        if learned >= STARTUP_LESSONS and random.random() < TPE_SHARE:
            study = _study(ranges, lessons, int(random.integers(2**31)))
            for _ in range(TPE_TRIES):
                yield tpe_step(best.values, ranges, study, random)
        for _ in range(TRIES):
            yield small_step(best.values, ranges, lessons, random)

    def _proposal(self, text: str, values: Values, best: Values, lessons: int) -> Proposal:
        changes = _changes(values, best)
        title = ", ".join(f"{name} {spell(best[name])} -> {spell(value)}" for name, value in changes.items())
        names = " and ".join(changes)
        hypothesis = f"A better value of {names} may lie there, judging by {lessons} earlier results."
        return Proposal(title, {self._entry_file: text}, hypothesis, proposer=self.name)


def small_step(
    best: Values, ranges: Mapping[str, Range], lessons: Sequence[Lesson], random: np.random.Generator
) -> dict[str, Number]:
    """One or two constants moved by a factor of 1.4 to 2, rather where no similar step has lost."""
    odds = _odds(best, ranges, lessons)
    moves = list(odds)
    weights = np.array([odds[move] for move in moves])
    values = dict(best)
    for _ in range(1 + int(random.random() < 0.5)):
        name, sign = moves[random.choice(len(moves), p=weights / weights.sum())]
        step = sign * random.uniform(SMALLEST_STEP, LARGEST_STEP)
        values[name] = _moved(ranges[name], best[name], step)
    return values


def tpe_step(
    best: Values, ranges: Mapping[str, Range], study: optuna.Study, random: np.random.Generator
) -> dict[str, Number]:
    """A few constants, drawn at random, with the values that TPE proposes for them; the others stay."""
    names = list(ranges)
    size = int(random.integers(1, min(MOST_CHANGED, len(names)) + 1))
    chosen = [names[index] for index in sorted(random.choice(len(names), size=size, replace=False))]
    params = study.ask({name: ranges[name].distribution() for name in chosen}).params
    return {**best, **{name: ranges[name].value(params[name]) for name in chosen}}


def _study(ranges: Mapping[str, Range], lessons: Sequence[Lesson], seed: int) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=0)
    study = optuna.create_study(sampler=sampler, direction="minimize")
    space: dict[str, BaseDistribution] = {name: span.distribution() for name, span in ranges.items()}
    study.add_trials(
        [
            create_trial(
                value=lesson.value,
                distributions=space,
                params={name: ranges[name].coordinate(lesson.values[name]) for name in space},
            )
            for lesson in lessons
        ]
    )
    return study


def _odds(
    best: Values, ranges: Mapping[str, Range], lessons: Sequence[Lesson]
) -> dict[tuple[str, int], float]:
    """How likely each constant goes each way: less where a near neighbour lost, more on the other side."""
    harm = {(name, sign): 0.0 for name in ranges for sign in (-1, 1)}
    for lesson in lessons:
        changed = _changes(lesson.values, best)
        for name in changed if len(changed) <= NEAR else ():
            harm[name, 1 if lesson.values[name] > best[name] else -1] += 1 / len(changed)
    return {(name, sign): (1 + harm[name, -sign]) / (1 + 3 * harm[name, sign] ** 2) for name, sign in harm}


def _moved(span: Range, value: Number, step: float) -> Number:
    """The value a step of about an octave away: at least one for an int, a share of the range when linear."""
    at = span.coordinate(value)
    if span.scale == "linear":
        low, high = span.coordinate(span.low), span.coordinate(span.high)
        reach = step * (high - low) / 3
        reach = np.sign(step) * max(1, round(abs(reach))) if span.whole else reach
        return span.value(min(max(at + reach, low), high))
    step = float(np.sign(step)) if span.scale == "octave" else step
    return span.value(at + step)


def _changes(values: Values, best: Values) -> dict[str, Number]:
    return {name: value for name, value in values.items() if value != best[name]}


def _key(values: Values) -> tuple[tuple[str, Number], ...]:
    return tuple(sorted(values.items()))


def _heads_fit(values: Values, best: Values) -> bool:
    """Whether counts and sizes of heads still divide the widths that they divide in the best source."""
    whole = {name: value for name, value in best.items() if isinstance(value, int) and value > 0}
    heads = [name for name in whole if {"HEAD", "HEADS"} & set(name.split("_"))]
    wide = [name for name, value in whole.items() if value >= SMALLEST_WIDTH and name not in heads]
    pairs = [(few, many) for few in heads for many in wide if whole[many] % whole[few] == 0]
    return all(values[few] > 0 and values[many] % values[few] == 0 for few, many in pairs)
