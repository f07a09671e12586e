"""One run as it is told to people: frozen records that report, dashboard, `audit show` and trackers share.

A story holds facts alone, taken from the audit log or from a results.tsv; whoever shows its texts makes them
safe first. `ledger.story` reads it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from orchestrator.records import NOT_RUN, Action, Direction, Measure, Objection, Usage

FLAGS_EVENT = "containers_configured"
"""What a sitting records of the containers that its attempts get."""


@dataclass(frozen=True, slots=True)
class RunStory:
    """One run of one attempt. `line` is where the log has the whole of it; `outcome` is empty without a run.

    `serving` is the attempt that was decided on; another than its own where the best ran beside it.
    """

    status: str
    line: int = 0
    time: datetime | None = None
    serving: int = 0
    seed: int | None = None
    outcome: str = ""
    reason: str = ""
    train_seconds: float = 0.0
    score_seconds: float = 0.0
    memory_gb: float = 0.0
    value: float | None = None
    stderr: float = 0.0
    verified: bool = True
    holdout: float | None = None
    holdout_stderr: float = 0.0


@dataclass(frozen=True, slots=True)
class AttemptStory:
    """One attempt from its proposal to its decision; `action` is None while it is open.

    `status` is `open`, or how far it got: `refused`, `not run`, a run's outcome, `unscored`, `scored`. `base`
    is the attempt it was built on, 0 for the task's own files. `line` is where the log has its opening whole.
    """

    number: int
    title: str
    status: str
    line: int = 0
    hypothesis: str = ""
    proposer: str = ""
    kind: str = ""
    problem: str = ""
    usage: Usage = field(default_factory=Usage)
    prompt_sha256: str = ""
    reply_sha256: str = ""
    base: int = 0
    base_commit: str = ""
    commit: str = ""
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    objections: tuple[Objection, ...] = ()
    runs: tuple[RunStory, ...] = ()
    action: Action | None = None
    reason: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def values(self) -> list[float]:
        return [run.value for run in self.runs if run.value is not None]

    @property
    def moved_on(self) -> bool:
        """Whether it never ran: mostly since it was merged onto a newer best, as another attempt."""
        return self.status == NOT_RUN

    @property
    def value(self) -> float | None:
        """The mean of all its runs so far; None for one that ended without a score."""
        return _mean(self.values) if self.status in {"scored", "open"} else None

    @property
    def stderr(self) -> float:
        """The mean standard error of its scores, which more runs do not lower: the data is the same."""
        return _mean([run.stderr for run in self.runs if run.value is not None]) or 0.0

    @property
    def holdout(self) -> float | None:
        """The mean of its runs on data that decides nothing."""
        return _mean([run.holdout for run in self.runs if run.holdout is not None])

    @property
    def holdout_gap(self) -> float | None:
        """How far the holdout lies above the value; None without both."""
        return None if self.value is None or self.holdout is None else self.holdout - self.value

    @property
    def kept(self) -> bool:
        return self.action is Action.KEEP

    @property
    def held(self) -> bool:
        return self.action is Action.HOLD

    @property
    def verified(self) -> bool:
        """False when all its numbers are what the candidate says of itself."""
        kinds = {run.verified for run in self.runs if run.value is not None}
        return kinds != {False}

    @property
    def train_seconds(self) -> float:
        return math.fsum(run.train_seconds for run in self.runs)


@dataclass(frozen=True, slots=True)
class Sitting:
    """One start of the run until its end. `reason` is empty when it was cut off or still goes on.

    `until` is then the last that the log has of it. `facts` are its circumstances: card, versions, image.
    """

    began: datetime
    until: datetime
    proposer: str = ""
    reason: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return max((self.until - self.began).total_seconds(), 0.0)


@dataclass(frozen=True, slots=True)
class Happening:
    """An event that belongs to no attempt, such as a fault, with the fields that it has in the log."""

    line: int
    time: datetime
    event: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Chain:
    """What reading the log showed: `problem` is the first break of chain or refs, empty when whole."""

    events: int
    head: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """One run. `kept` are the numbers of the kept attempts in the order of keeping, the baseline first.

    `noise` is the standard deviation of one run, from `noise_degrees` degrees of freedom of repeats; None
    when nothing kept was measured twice. A table without a log has no chain, no times and no policy.
    """

    tag: str
    attempts: tuple[AttemptStory, ...]
    kept: tuple[int, ...]
    measure: Measure = field(default_factory=Measure)
    noise: float | None = None
    noise_degrees: int = 0
    task: str = ""
    version: str = ""
    policy_digest: str = ""
    policy: str = ""
    created: datetime | None = None
    sittings: tuple[Sitting, ...] = ()
    happenings: tuple[Happening, ...] = ()
    chain: Chain | None = None
    in_progress: bool = False

    def attempt(self, number: int) -> AttemptStory:
        """Raises IndexError for a number that no attempt has."""
        if number < 1:
            raise IndexError(number)
        return self.attempts[number - 1]

    @property
    def baseline(self) -> AttemptStory | None:
        return self.attempt(self.kept[0]) if self.kept else None

    @property
    def best(self) -> AttemptStory | None:
        return self.attempt(self.kept[-1]) if self.kept else None

    @property
    def improvements(self) -> tuple[AttemptStory, ...]:
        """The kept attempts without the baseline."""
        return tuple(self.attempt(number) for number in self.kept[1:])

    @property
    def seconds(self) -> float:
        """How long the run was sat at, all its starts together."""
        return math.fsum(sitting.seconds for sitting in self.sittings)

    @property
    def usage(self) -> Usage:
        """What all proposals cost; `dollars` is None when no price was known for any."""
        return sum((attempt.usage for attempt in self.attempts), Usage())

    def error_of(self, attempt: AttemptStory) -> float:
        """The half width of an error bar: noise / sqrt(runs) or the score's standard error, the larger.

        0.0 when neither is known.
        """
        count = len(attempt.values)
        repeated = self.noise / math.sqrt(count) if self.noise is not None and count else 0.0
        return max(repeated, attempt.stderr)

    def flags_of(self, run: RunStory) -> Mapping[str, Any]:
        """The flags of the containers of a run, as its sitting recorded them; empty when it did not."""
        before = (each for each in reversed(self.happenings) if each.line < run.line)
        return next((each.fields for each in before if each.event == FLAGS_EVENT), {})

    def gain(self, attempt: AttemptStory, over: AttemptStory) -> float | None:
        """How much better one attempt's value is than another's, in the metric's unit; None without both."""
        loss = self.measure.direction.loss
        if attempt.value is None or over.value is None:
            return None
        return loss(over.value) - loss(attempt.value)

    @property
    def lower_is_better(self) -> bool:
        return self.measure.direction is Direction.MINIMIZE


@dataclass(frozen=True, slots=True)
class Glimpse:
    """A story as it stands, and the numbers of the attempts that are new or told anew since the last one.

    `fresh` says that nothing of what was told before counts any more.
    """

    story: Story
    changed: tuple[int, ...]
    fresh: bool = False


def _mean(values: list[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None
