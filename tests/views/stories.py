"""Stories for the tests of what people look at."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.records import Action, Objection, Usage
from orchestrator.story import AttemptStory, Chain, Happening, RunStory, Sitting, Story

BEGAN = datetime(2026, 3, 8, 22, 0, tzinfo=UTC)
HEAD = "a" * 64


def at(minutes: float) -> datetime:
    return BEGAN + timedelta(minutes=minutes)


def run(value: float | None, **changes: Any) -> RunStory:
    known = RunStory("scored", value=value, outcome="completed", train_seconds=300.0, stderr=0.001, serving=1)
    if value is None:
        known = RunStory("crashed", outcome="crashed", train_seconds=9.0, reason="exit code 1")
    return dataclasses.replace(known, **changes)


def attempt(number: int, *values: float | None, action: Action | None = None, **changes: Any) -> AttemptStory:
    """An attempt with one run for each value; without values it was refused."""
    statuses = {0: "refused"} if not values else {0: "crashed" if values[-1] is None else "scored"}
    objections = () if values else (Objection("import", "socket is not allowed", "train.py", 3),)
    known = AttemptStory(
        number,
        f"title {number}",
        statuses[0],
        hypothesis=f"idea {number}",
        proposer="openai:model",
        usage=Usage(1, 1000, 100, 0, 0.5),
        commit=f"{number:040x}",
        opened_at=at(6 * number),
        closed_at=at(6 * number + 5),
        objections=objections,
        runs=tuple(run(value) for value in values),
        action=action or Action.DISCARD,
        reason=f"reason {number}",
    )
    return dataclasses.replace(known, **changes)


def story(*attempts: AttemptStory, **changes: Any) -> Story:
    """A night that ended by itself, its chain whole."""
    known = Story(
        tag="night",
        attempts=attempts,
        kept=tuple(each.number for each in attempts if each.kept),
        task="toy",
        version="0.1.0",
        policy_digest="d" * 64,
        policy="edit:\n  files: [train.py]\n",
        created=BEGAN,
        sittings=(
            Sitting(BEGAN, at(60), "openai:model", "the time is up", {"image": "sha256:1", "gpu": None}),
        ),
        chain=Chain(9, HEAD),
    )
    known = dataclasses.replace(known, sittings=tuple(_with_facts(each) for each in known.sittings))
    return dataclasses.replace(known, **changes)


def _with_facts(sitting: Sitting) -> Sitting:
    return dataclasses.replace(sitting, facts={**sitting.facts, "data_sha256": "e" * 64, "versions": {}})


def small_night(**changes: Any) -> Story:
    """Seven attempts: a baseline of three runs, two keeps, and one of each other end."""
    keep, hold = Action.KEEP, Action.HOLD
    return story(
        attempt(1, 2.0, 2.02, 1.98, action=keep, title="baseline"),
        attempt(2, 1.9, 1.9, action=keep, base=1),
        attempt(3, 2.5),
        attempt(4, None),
        attempt(5),
        attempt(6, 1.0, action=hold, reason="too good to be true"),
        attempt(7, 1.8, action=keep, base=2, runs=(run(1.8, holdout=1.85),)),
        **{"noise": 0.02, "noise_degrees": 3, **changes},
    )


def happening(event: str, **fields: Any) -> Happening:
    return Happening(5, at(10), event, fields)
