"""What the gate's tests share: attempts made from one text, and the corpora beside them."""

from __future__ import annotations

import re
from pathlib import Path

from orchestrator.gate import PolicyGate
from orchestrator.policy import EditPolicy, load_policy
from orchestrator.records import Attempt, Files, Objection, Proposal

ROOT = Path(__file__).parents[1]
DATA = Path(__file__).parent / "data"
EDIT = load_policy(ROOT / "policies" / "default.yaml").edit
POINTS = {"main": 0, "build_model": 1}
BASE = "RATE = 0.1\n\n\ndef main():\n    print(RATE)\n\n\ndef build_model(config):\n    return config\n"


def attempt_with(text: str, base: str | None = BASE, name: str = "train.py") -> Attempt:
    files = {name: text}
    base_files = {} if base is None else {"train.py": base}
    parent = None if base is None else "a" * 40
    proposal = Proposal(title="a change", files=files)
    return Attempt(2, proposal, {**base_files, **files}, seed=1, parent=parent, base_files=base_files)


def objections_to(
    text: str, base: str | None = BASE, name: str = "train.py", edit: EditPolicy = EDIT
) -> tuple[Objection, ...]:
    gate = PolicyGate(edit, "train.py", POINTS)
    return gate.review(attempt_with(text, base, name)).objections


def codes_of(text: str, base: str | None = BASE, name: str = "train.py") -> list[str]:
    return [objection.code for objection in objections_to(text, base, name)]


def sections(name: str) -> list[tuple[str, str]]:
    parts = re.split(r"^=== (.+)\n", (DATA / name).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def template() -> str:
    return (ROOT / "train_template" / "train.py").read_text(encoding="utf-8")


def review_files(edit: EditPolicy, files: Files, base: Files) -> tuple[Objection, ...]:
    """Objections to a proposal of several files over a base of several files."""
    proposal = Proposal(title="a change", files=files)
    attempt = Attempt(2, proposal, {**base, **files}, seed=1, parent="a" * 40, base_files=base)
    return PolicyGate(edit, "train.py", POINTS).review(attempt).objections
