"""What flows through the loop: frozen records whose illegal states cannot be built.

    Proposal -> Attempt -> Verdict -> Run -> Score -> Decision

An Experiment is an attempt together with how far it got.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from orchestrator.exchange import Exchange

Files = Mapping[str, str]
"""Relative POSIX path -> whole text, UTF-8, newline-terminated lines."""

Curve = tuple[tuple[float, float], ...]
"""Share of the time used and the training loss that the candidate said then, shares ascending."""


NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Usage:
    """What a proposal cost: requests and tokens, as the endpoint counted them.

    `cached_tokens` are those of the prompt that the endpoint had at hand; `dollars` is None where no price
    is known.
    """

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    dollars: float | None = None

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        known = [usage.dollars for usage in (self, other) if usage.dollars is not None]
        return Usage(
            self.requests + other.requests,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
            math.fsum(known) if known else None,
        )


@dataclass(frozen=True, slots=True)
class Spent:
    """What a model has cost so far. `dollars` is None once any part of it has no known price."""

    requests: int = 0
    tokens: int = 0
    dollars: float | None = 0.0

    def plus(self, usage: Usage) -> Spent:
        """With one proposal more; a proposal without a request costs nothing."""
        if not usage.requests:
            return self
        known = self.dollars is not None and usage.dollars is not None
        dollars = (self.dollars or 0.0) + (usage.dollars or 0.0) if known else None
        return Spent(self.requests + usage.requests, self.tokens + usage.tokens, dollars)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change that a proposer would like to try. `kind` is the proposer's own word for what sort of change.

    `files` holds the whole new text of each changed file. A reply that could not be turned into
    files has none, and says why in `problem`; the gate then refuses it. `base` is the commit that it was made
    from, where that is not the one that its proposer was shown last.
    A model's has the digests of what the model was sent and replied; `exchange` is that itself, which the
    ledger keeps on request only.
    """

    title: str
    files: Files
    hypothesis: str = ""
    proposer: str = "unknown"
    problem: str = ""
    usage: Usage = Usage()
    kind: str = ""
    base: str = ""
    prompt_sha256: str = ""
    reply_sha256: str = ""
    exchange: Exchange | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A proposal that the ledger has committed, before anything ran.

    `files` is everything that enters the container: the base's files with the proposal's over them.
    `spent` is what the run's model has cost up to this proposal, its own cost included.
    """

    number: int
    proposal: Proposal
    files: Files
    seed: int
    commit: str = ""
    parent: str | None = None
    base_files: Files = field(default_factory=dict)
    spent: Spent = Spent()

    @property
    def name(self) -> str:
        """The attempt's number as it appears in refs and folders, such as `0007`."""
        return f"{self.number:04d}"


@dataclass(frozen=True, slots=True)
class Objection:
    """One reason to refuse an attempt: a stable code, a sentence to act on, and where."""

    code: str
    message: str
    path: str = ""
    line: int = 0

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}: " if self.line else f"{self.path}: " if self.path else ""
        return f"{where}{self.message} [{self.code}]"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says of an attempt; `log` is the end of what a candidate printed, for its proposer."""

    objections: tuple[Objection, ...] = ()
    log: str = ""

    @property
    def allowed(self) -> bool:
        return not self.objections

    @property
    def reason(self) -> str:
        return "; ".join(str(objection) for objection in self.objections)


class Outcome(StrEnum):
    """How a run ended, as seen from outside."""

    COMPLETED = "completed"
    CRASHED = "crashed"
    TIMED_OUT = "timed_out"
    NO_RESULT = "no_result"
    STOPPED = "stopped_early"


@dataclass(frozen=True, slots=True)
class ResultFile:
    """What the trusted reader found in the output volume: hashes, and the candidate's own claims.

    `claims` (steps, seconds, peak memory, train loss) describe the run and never decide anything.
    """

    config: Mapping[str, Any]
    claims: Mapping[str, float]
    result_sha256: str
    weights_sha256: str
    weights_bytes: int


@dataclass(frozen=True, slots=True)
class Run:
    """What one container did. `train_seconds` runs on the host's monotonic clock, from go to exit.

    `overrun_seconds` is how long past deadline and grace it was until the container was seen dead.
    `progress` is what the candidate said of its loss, at most 64 points.
    """

    run_id: str
    outcome: Outcome
    train_seconds: float
    reason: str = ""
    exit_code: int | None = None
    oom_killed: bool = False
    log: str = ""
    log_bytes: int = 0
    overrun_seconds: float = 0.0
    result: ResultFile | None = None
    container: Mapping[str, Any] = field(default_factory=dict)
    progress: Curve = ()

    def __post_init__(self) -> None:
        if (self.outcome is Outcome.COMPLETED) != (self.result is not None):
            raise ValueError("a run has a result exactly when it completed")
        if self.outcome is not Outcome.COMPLETED and not self.reason:
            raise ValueError("a run that did not complete says why")

    @property
    def completed(self) -> bool:
        return self.outcome is Outcome.COMPLETED


@dataclass(frozen=True, slots=True)
class Holdout:
    """The same measure on text that decides nothing, or the reason why there is none; for people alone."""

    value: float | None = None
    reason: str = ""
    stderr: float = 0.0


@dataclass(frozen=True, slots=True)
class Score:
    """One trusted measurement, or the reason why there is none.

    `value` is the real number in the task's unit, whichever way is better; `stderr` is in the same unit.
    `verified` is False only for a number that the candidate reported about itself.
    """

    value: float | None = None
    reason: str = ""
    stderr: float = 0.0
    verified: bool = True
    seconds: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict)
    holdout: Holdout | None = None

    def __post_init__(self) -> None:
        if self.value is None:
            if not self.reason:
                raise ValueError("a score without a value says why")
        elif not (math.isfinite(self.value) and math.isfinite(self.stderr)):
            raise ValueError("a score is finite or has a reason")


class Direction(StrEnum):
    """Which way a metric is better."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"

    def loss(self, value: float) -> float:
        """The value with its sign turned where higher is better, so that lower is always better.

        The one place where a sign is turned; applied again, it gives the real value back.
        """
        return -value if self is Direction.MAXIMIZE else value


@dataclass(frozen=True, slots=True)
class Measure:
    """What the numbers of a run are and where they come from, the same from its first attempt to its last."""

    name: str = "val_bpb"
    unit: str = "bits per byte"
    direction: Direction = Direction.MINIMIZE
    source: str = "claims"

    @property
    def verified(self) -> bool:
        """Whether the host measures; else the numbers are what candidates report about themselves."""
        return self.source != "result_file"


class Action(StrEnum):
    """What comes next: the attempt replaces the best, goes, waits for a person, or something is measured once
    more, the attempt itself or the best beside it."""

    KEEP = "keep"
    DISCARD = "discard"
    HOLD = "hold"
    REPEAT = "repeat"
    REPEAT_BEST = "repeat_best"

    @property
    def final(self) -> bool:
        """Whether the attempt is closed by it."""
        return self not in {Action.REPEAT, Action.REPEAT_BEST}


@dataclass(frozen=True, slots=True)
class Decision:
    """What comes next, with one reason; `facts` are the figures that it rests on, for the audit log."""

    action: Action
    reason: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Experiment:
    """An attempt and how far it got."""

    attempt: Attempt
    verdict: Verdict
    run: Run | None = None
    score: Score | None = None

    def __post_init__(self) -> None:
        if self.run is not None and not self.verdict.allowed:
            raise ValueError("a refused attempt is not run")
        if self.score is not None and (self.run is None or not self.run.completed):
            raise ValueError("only a completed run is scored")

    @property
    def value(self) -> float | None:
        return self.score.value if self.score else None

    @property
    def failure(self) -> str:
        """Why there is no value; empty when there is one."""
        if not self.verdict.allowed:
            return f"refused: {self.verdict.reason}"
        if self.run is None:
            return NOT_RUN
        if not self.run.completed:
            return f"{self.run.outcome.value}: {self.run.reason}"
        return "" if self.score is None or self.score.value is not None else self.score.reason

    @property
    def status(self) -> str:
        """`refused`, `not run`, the run's outcome, `unscored` or `scored`: how far this experiment got."""
        if not self.verdict.allowed:
            return "refused"
        if self.run is None or not self.run.completed:
            return self.run.outcome.value if self.run else NOT_RUN
        return "unscored" if self.value is None else "scored"


@dataclass(frozen=True, slots=True)
class Entry:
    """One closed attempt as the proposer sees it: typed fields, and its own source.

    `status` is Experiment.status; `value` is there only for a scored one, and the mean of its `runs`.
    `base` is the number of the attempt whose files it was built on, 0 for the task's own.
    `log_tail` is text that a candidate wrote and must be treated as data; only the latest attempts without a
    value have one.
    """

    number: int
    title: str
    hypothesis: str
    proposer: str
    action: Action
    status: str
    value: float | None
    reason: str
    commit: str
    files: Files
    runs: int = 0
    train_seconds: float = 0.0
    memory_gb: float = 0.0
    log_tail: str = ""
    verified: bool = True
    base: int = 0
    kind: str = ""
    usage: Usage = Usage()

    @property
    def moved_on(self) -> bool:
        """Whether it never ran: mostly since it was merged onto a newer best, as another attempt."""
        return self.status == NOT_RUN


@dataclass(frozen=True, slots=True)
class Underway:
    """An attempt that is open: proposed, and not decided yet."""

    number: int
    title: str
    hypothesis: str
    files: Files


@dataclass(frozen=True, slots=True)
class Mend:
    """A proposal that was refused, and why, for its proposer to mend: `reason` is ours, `log` is not.

    A `stale` one was sound, but the best moved on before it ran.
    """

    proposal: Proposal
    reason: str
    log: str = ""
    stale: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """What was learned so far: the best source, its value, and every closed attempt in order.

    `underway` are the attempts that are open. `noise` is the standard deviation of one run in the metric's
    unit, None where too few were made. `mend` is the refused proposal that the next one should repair.
    `gather` may be told which attempts' files are looked at soon: a ledger then reads them in one go.
    """

    best_files: Files
    best_value: float | None
    entries: Sequence[Entry] = ()
    best_number: int = 0
    best_commit: str | None = None
    underway: tuple[Underway, ...] = ()
    noise: float | None = None
    mend: Mend | None = None
    gather: Callable[[Iterable[Entry]], object] = field(default=lambda _: None, compare=False, repr=False)

    @property
    def newest_number(self) -> int:
        """The highest number that an attempt has, closed or open; 0 when there is none."""
        numbers = [entry.number for entry in self.entries] + [attempt.number for attempt in self.underway]
        return max(numbers, default=0)
