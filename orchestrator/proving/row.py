"""What the suite says of one program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from orchestrator.proving.control_run import ControlSeen
from orchestrator.proving.expectation import Sighting
from orchestrator.proving.program import Program
from orchestrator.text import sanitise_line

EVIDENCE_CHARACTERS = 200
Outcome = Literal["stopped", "through", "vacuous", "error"]


@dataclass(frozen=True, slots=True)
class Row:
    """One program's line: `stopped` as its header says, or what was wrong.

    `seen` is what became of it, `control` what became of its control; `overrun` is in seconds.
    """

    id: str
    group: str
    tries: str
    layer: str
    outcome: Outcome
    seen: str
    control: str
    seconds: float
    overrun: float

    @property
    def evidence(self) -> str:
        return f"{self.seen}; control: {self.control}"

    def as_json(self) -> dict[str, Any]:
        names = ("id", "group", "tries", "layer", "outcome", "evidence")
        numbers = {"seconds": round(self.seconds, 3), "overrun": round(self.overrun, 3)}
        return {name: getattr(self, name) for name in names} | numbers

    def broken(self, breaks: Sequence[str]) -> Row:
        """The same row if nothing was broken, else one that got through with what it broke."""
        return replace(self, outcome="through", seen=_short("; ".join(breaks))) if breaks else self


def row_of(
    program: Program, sighting: Sighting, control: ControlSeen, *, seconds: float, overrun: float
) -> Row:
    """A program is stopped only if it was seen to be, as expected, and its control got through."""
    outcome: Outcome = "stopped"
    if sighting.verdict == "through":
        outcome = "through"
    elif sighting.verdict == "else":
        outcome = "error"
    elif not control.succeeded:
        outcome = "vacuous"
    return Row(
        id=program.identity,
        group=program.group,
        tries=program.tries,
        layer=program.layer,
        outcome=outcome,
        seen=_short(sighting.evidence),
        control=_short(control.evidence),
        seconds=seconds,
        overrun=overrun,
    )


def _short(text: str) -> str:
    return sanitise_line(text, EVIDENCE_CHARACTERS)
