"""What the events that a run rests on must hold, so that nobody who reads one meets a field of another kind.

The chain proves that nothing was changed since it was written; who writes a log anew can give it any shape.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, NotRequired

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from orchestrator.ledger.audit import Event
from orchestrator.records import Action

_EXACT = ConfigDict(strict=True, extra="forbid")
_OPEN = ConfigDict(strict=True, extra="ignore")


def _is_a_time(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("it names no time zone")
    return text


Time = Annotated[str, AfterValidator(_is_a_time)]
Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Number = Annotated[int, Field(ge=1, lt=2**63)]
Finite = Annotated[float, Field(ge=-1e100, le=1e100, allow_inf_nan=False)]
Word = Annotated[str, Field(pattern=r"^[ -~]{0,100}$")]
Moves = dict[str, Annotated[list[str | None], Field(min_length=2, max_length=2)]]
Decided = Annotated[str, Field(pattern=f"^({'|'.join(Action)})$")]


@with_config(_EXACT)
class _Usage(TypedDict):
    requests: NotRequired[Whole]
    prompt_tokens: NotRequired[Whole]
    completion_tokens: NotRequired[Whole]
    cached_tokens: NotRequired[Whole]
    dollars: NotRequired[Finite | None]


@with_config(_EXACT)
class _Spent(TypedDict):
    requests: NotRequired[Whole]
    tokens: NotRequired[Whole]
    dollars: NotRequired[Finite | None]


@with_config(_EXACT)
class _Objection(TypedDict):
    code: str
    message: str
    path: str
    line: Whole


@with_config(_OPEN)
class _Result(TypedDict):
    claims: dict[str, Any] | None
    weights_bytes: NotRequired[Whole]


@with_config(_OPEN)
class _Run(TypedDict):
    outcome: Word
    train_seconds: Finite
    log_bytes: NotRequired[Whole]
    progress: NotRequired[list[Annotated[list[Finite], Field(min_length=2, max_length=2)]]]
    result: NotRequired[_Result | None]


@with_config(_OPEN)
class _Holdout(TypedDict):
    value: Finite | None
    stderr: NotRequired[Finite]


@with_config(_OPEN)
class _Score(TypedDict):
    value: Finite | None
    stderr: Finite
    verified: bool
    seconds: NotRequired[Finite]
    holdout: NotRequired[_Holdout | None]
    details: NotRequired[dict[str, Any]]


@with_config(_EXACT)
class _Measure(TypedDict):
    name: Word
    unit: Word
    direction: Word
    source: NotRequired[Word]


@with_config(_OPEN)
class _Any(TypedDict):
    event: str
    time: Time
    refs: NotRequired[Moves]


@with_config(_OPEN)
class _Created(_Any):
    task: str
    version: str
    format: Whole
    measure: _Measure
    policy_digest: str
    policy: NotRequired[dict[str, Any] | None]


@with_config(_OPEN)
class _Opened(_Any):
    number: Number
    title: str
    hypothesis: str
    proposer: str
    problem: str
    kind: NotRequired[str]
    usage: _Usage
    spent: NotRequired[_Spent]
    commit: str
    parent: str | None
    seed: Whole
    changed: list[str]
    left_out: list[str]
    stored_bytes: NotRequired[Whole]


@with_config(_OPEN)
class _Measured(_Any):
    number: Number
    serving: Number
    seed: Whole
    status: Word
    failure: str
    run: _Run | None
    score: _Score | None
    stored_bytes: NotRequired[Whole]


@with_config(_OPEN)
class _Closed(_Any):
    number: Number
    action: Decided
    reason: str
    facts: dict[str, Any]
    status: Word
    failure: str
    objections: list[_Objection]


@with_config(_OPEN)
class _PolicySet(_Any):
    policy_digest: str
    policy: NotRequired[dict[str, Any] | None]


@with_config(_OPEN)
class _Ended(_Any):
    reason: str


_OTHERS: TypeAdapter[Any] = TypeAdapter(_Any)
_KINDS: dict[str, TypeAdapter[Any]] = {
    "run_created": TypeAdapter(_Created),
    "attempt_opened": TypeAdapter(_Opened),
    "attempt_measured": TypeAdapter(_Measured),
    "attempt_closed": TypeAdapter(_Closed),
    "policy_tightened": TypeAdapter(_PolicySet),
    "policy_loosened": TypeAdapter(_PolicySet),
    "policy_changed": TypeAdapter(_PolicySet),
    "night_ended": TypeAdapter(_Ended),
}


def misshapen(event: Event) -> str:
    """Which field of an event, or of its summary, is missing or of another kind; empty when none is."""
    name = event["event"]
    try:
        (_KINDS.get(name, _OTHERS) if isinstance(name, str) else _OTHERS).validate_python(event)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg'][0].lower()}{first['msg'][1:]}"
    return ""
