"""`policy replay`: a night's attempts held against another policy, as far as their record tells.

Nothing is run again. The gate reads the recorded files; what runs used is compared with the limits; the
decisions stay those of the night, since other decisions would have led to other proposals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from orchestrator.gate import PolicyGate
from orchestrator.ledger.audit import Event
from orchestrator.ledger.facts import memory_gb
from orchestrator.ledger.recorded import Night, Recorded
from orchestrator.policy.sections import Policy

MIB, KIB = 1 << 20, 1 << 10


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that would have gone otherwise for an attempt. `stops` where it would have got no value.

    `found` is the attempt's own number where `words` are the same for every attempt.
    """

    number: int
    key: str
    words: str
    stops: bool = True
    found: float | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """What would have been refused, let through, or over a limit, and which keeps would have been lost.

    `lost` holds the kept attempts that are stopped, and those that rest on them.
    """

    night: Night
    refused: tuple[Finding, ...]
    admitted: tuple[int, ...]
    over: tuple[Finding, ...]
    lost: tuple[int, ...]

    @property
    def kept(self) -> int:
        return sum(recorded.kept for recorded in self.night.attempts)


def replay(night: Night, policy: Policy, gate: PolicyGate) -> Replay:
    """Every closed attempt under `policy`, whose `edit` section `gate` goes by."""
    refused, admitted = [], []
    for recorded in night.attempts:
        verdict, then = gate.review(recorded.attempt), _refused_by_the_gate(recorded)
        if not verdict.allowed and not then:
            refused.append(Finding(recorded.attempt.number, "edit", verdict.reason))
        if verdict.allowed and then:
            admitted.append(recorded.attempt.number)
    over = [finding for recorded in night.attempts for finding in _over(recorded, night, policy)]
    over += _gains(night, policy)
    stopped = {finding.number for finding in (*refused, *over) if finding.stops}
    return Replay(night, tuple(refused), tuple(admitted), tuple(over), _lost(night.attempts, stopped))


def _refused_by_the_gate(recorded: Recorded) -> bool:
    """A run, or an objection that is not its own, shows that the gate had let it through."""
    objections = recorded.closed["objections"]
    others = {"duplicate", "smoke"}  # of what no policy says, and what is found by running it
    return bool(objections) and not any(each["code"].partition("-")[0] in others for each in objections)


def _lost(attempts: Sequence[Recorded], stopped: set[int]) -> tuple[int, ...]:
    lost: list[int] = []
    for recorded in attempts:
        number = recorded.attempt.number
        if recorded.kept and (number in stopped or recorded.base in lost):
            lost.append(number)
    return tuple(lost)


def _over(recorded: Recorded, night: Night, policy: Policy) -> Iterator[Finding]:
    """For each limit the first run that is over it, and was not in the night itself."""
    then = night.policy
    for limit in LIMITS:
        runs = [run for run in recorded.runs if not (then and limit.exceeded(run, then, night))]
        excess = next(filter(None, (limit.exceeded(run, policy, night) for run in runs)), None)
        if excess:
            yield Finding(recorded.attempt.number, limit.key, excess.words, limit.stops, excess.found)


def _gains(night: Night, policy: Policy) -> Iterator[Finding]:
    """Keeps whose gain over the one that they rest on is too small, or too large to be kept by itself."""
    values = {recorded.attempt.number: recorded.value for recorded in night.attempts}
    loss, rules = night.measure.direction.loss, policy.decision
    for recorded in night.attempts:
        value, before = recorded.value, values.get(recorded.base)
        if not recorded.kept or value is None or before is None:
            continue
        gain, number = loss(before) - loss(value), recorded.attempt.number
        if gain < rules.margin:
            words = f"better than the one before by less than {rules.margin:g}"
            yield Finding(number, "decision.margin", words, found=gain)
        if rules.rule == "sequential" and before and gain > rules.plausible_drop * abs(before):
            words = (
                f"better by more than {rules.plausible_drop:.1%} of the value before: a person would be asked"
            )
            yield Finding(number, "decision.plausible_drop", words, found=gain)


@dataclass(frozen=True, slots=True)
class Excess:
    """What a run had, and which limit that is over."""

    found: float
    words: str


@dataclass(frozen=True, slots=True)
class Limit:
    """A key that the record of a run can be held against; `exceeded` says how, or None."""

    key: str
    exceeded: Callable[[Event, Policy, Night], Excess | None]
    stops: bool = True


def _memory(measured: Event, policy: Policy, night: Night) -> Excess | None:
    peak = memory_gb(measured["run"] or {}) * KIB
    if night.on_a_card:  # what it claims there is the card's memory, which the policy does not limit
        return None
    return _above(peak, policy.sandbox.memory_mib, "MiB of memory by its own word")


def _output(measured: Event, policy: Policy, _: Night) -> Excess | None:
    saved = _result(measured).get("weights_bytes", 0) / MIB
    return _above(saved, policy.sandbox.output_mib, "MiB saved")


def _log(measured: Event, policy: Policy, _: Night) -> Excess | None:
    written = (measured["run"] or {}).get("log_bytes", 0) / KIB
    return _above(written, policy.sandbox.log_kib, "KiB of log; the rest would have been dropped")


def _training(measured: Event, policy: Policy, _: Night) -> Excess | None:
    seconds = (measured["run"] or {}).get("train_seconds", 0.0)
    limit = policy.budget.train_seconds + policy.budget.grace_seconds
    return _above(seconds, limit, "seconds of training; with less it would have got another value")


def _scoring(measured: Event, policy: Policy, _: Night) -> Excess | None:
    return _above(
        (measured["score"] or {}).get("seconds", 0.0), policy.metric.score_seconds, "seconds of scoring"
    )


def _floor(measured: Event, policy: Policy, night: Night) -> Excess | None:
    value = (measured["score"] or {}).get("value")
    if night.measure.source != "claims" or value is None or value >= policy.metric.floor:
        return None
    return Excess(value, f"below {policy.metric.floor:g}")


def _challenge(measured: Event, policy: Policy, _: Night) -> Excess | None:
    found = (measured["score"] or {}).get("details", {}).get("challenge")
    worst = found.get("worst_nats") if isinstance(found, dict) else 0.0
    worst = abs(worst) if isinstance(worst, int | float) else 0.0
    return _above(worst, policy.metric.challenge_tolerance_nats, "nats between claim and challenge")


def _result(measured: Event) -> Event:
    return (measured["run"] or {}).get("result") or {}


def _above(found: float, limit: float, what: str) -> Excess | None:
    return Excess(found, f"more than {limit:g} {what}") if found > limit else None


LIMITS = (
    Limit("budget.train_seconds", _training, stops=False),
    Limit("sandbox.memory_mib", _memory),
    Limit("sandbox.output_mib", _output),
    Limit("sandbox.log_kib", _log, stops=False),
    Limit("metric.score_seconds", _scoring),
    Limit("metric.floor", _floor),
    Limit("metric.challenge_tolerance_nats", _challenge),
)
TOLD = frozenset({*(limit.key for limit in LIMITS), "decision.margin", "decision.plausible_drop"})
"""The keys outside `edit` that a record can be held against."""
UNTOUCHED = frozenset({"model", "repair", "pipeline", "records"})
"""Sections that say nothing of the proposals that were made: of others, and of what is kept."""
