"""Programs that cheat at the metric, by their headers, and the verdict on what became of one.

    What it tries, as one sentence.

    layer: what must stop it
    reason: TEXT             it is refused, with TEXT in the reason of its run or of its score
    worthless: NUMBER        it is measured, within NUMBER bits per byte of the honest model
    worse: NUMBER            it is measured, and by at least NUMBER bits per byte worse than the honest model
    legal: WHY               it is no cheat: what the host measures is what it is worth, without a correction
    control: FORM            how a naive scorer looks at it (see candidates/naive_host.py), and believes it

one of the four, and where needed `cuts:` (of the challenge), `deadline: training` or `deadline: frames` (one
that comes soon), `carries: text` (it tries to
carry held-out text out), and `wins: WHY` for one that is not stopped yet.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from orchestrator.policy import DecisionPolicy
from orchestrator.proving.prove import PROGRAMS
from orchestrator.records import Run, Score

METRIC = PROGRAMS / "metric"
CUTS = 256
Kind = Literal["reason", "worthless", "worse", "legal"]
_KINDS: tuple[Kind, ...] = ("reason", "worthless", "worse", "legal")
_KEYS = {*_KINDS, "layer", "control", "cuts", "deadline", "carries", "wins"}


@dataclass(frozen=True, slots=True)
class Cheat:
    """One file of the corpus: what it tries, what must become of it, and who would believe it."""

    name: str
    source: str
    tries: str
    layer: str
    kind: Kind
    detail: str
    control: str
    cuts: int = CUTS
    deadline: str = ""
    carries: bool = False
    wins: str = ""

    def believed(self, value: float, honest: float) -> bool:
        """As a naive host decides: kept unless it fails to be better by the margin, so that NaN is kept."""
        return not value >= honest - DecisionPolicy().margin


def load_cheats(folder: Path = METRIC) -> list[Cheat]:
    """Every cheat of the corpus. Raises ValueError that names the file and what is wrong with its header."""
    return [read_cheat(path) for path in sorted(folder.glob("*.py"))]


def read_cheat(path: Path) -> Cheat:
    source = path.read_text(encoding="utf-8")
    tries, _, rest = (ast.get_docstring(ast.parse(source)) or "").partition("\n\n")
    fields = dict(_field(path, line) for line in rest.splitlines())
    kinds = [kind for kind in _KINDS if kind in fields]
    if len(kinds) != 1 or not {"layer", "control"} <= fields.keys() <= _KEYS or not tries:
        raise ValueError(f"{path}: the header needs a sentence, layer, control, and one of {_KINDS}")
    return Cheat(
        name=path.stem,
        source=source,
        tries=" ".join(tries.split()),
        layer=fields["layer"],
        kind=kinds[0],
        detail=fields[kinds[0]],
        control=fields["control"],
        cuts=int(fields.get("cuts", CUTS)),
        deadline=fields.get("deadline", ""),
        carries=fields.get("carries") == "text",
        wins=fields.get("wins", ""),
    )


def _field(path: Path, line: str) -> tuple[str, str]:
    key, colon, value = line.partition(":")
    if not colon or not value.strip():
        raise ValueError(f"{path}: the header has no place for {line!r}")
    return key, value.strip()


def parameters(cheats: list[Cheat]) -> list[object]:
    """The cheats as a test's parameters: one that wins must fail, so that its repair shows."""
    return [
        pytest.param(
            cheat,
            id=cheat.name,
            marks=[pytest.mark.xfail(strict=True, reason=cheat.wins)] if cheat.wins else [],
        )
        for cheat in cheats
    ]


def complaint(cheat: Cheat, run: Run, score: Score | None, honest: float) -> str:
    """What is not as the header says of this cheat; empty when all is."""
    reason = run.reason or (score.reason if score else "")
    value = score.value if score else None
    if cheat.kind == "reason":
        return "" if value is None and cheat.detail in reason else f"{value}: {reason or run.log[-400:]}"
    if value is None or score is None:
        return f"no value: {reason}\n{run.log[-400:]}"
    if cheat.kind == "legal":
        gap = abs(value - score.details["challenge"]["claimed_value"])
        return "" if gap < 1e-4 else f"corrected by {gap}"
    if cheat.kind == "worse":
        return "" if value >= honest + float(cheat.detail) else f"{value - honest:+.6f} against honest"
    return "" if abs(value - honest) <= float(cheat.detail) else f"{value - honest:+.6f} against honest"
