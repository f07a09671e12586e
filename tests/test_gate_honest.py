"""Honest research meets no objection: edits by hand, the tuner's, and small ones made from the template."""

from __future__ import annotations

import ast
import re
import statistics
import time
from functools import cache

import pytest

from orchestrator.gate import PolicyGate
from orchestrator.proposers.edits import Replace, apply_edits
from orchestrator.proposers.tuner import ConstantTuner
from orchestrator.records import History
from tests.gate_parts import EDIT, POINTS, attempt_with, codes_of, objections_to, sections, template

_BLOCK = re.compile(r"^<<<<\n(.*?)\n====\n(.*?)\n>>>>\n", re.MULTILINE | re.DOTALL)
TUNED = 80  # on each of the two profiles


def edited_by_hand() -> list[tuple[str, str]]:
    """Every edit of honest_edits.txt, applied to the template; each search text stands there once."""
    base = {"train.py": template()}
    edits = []
    for title, body in sections("honest_edits.txt"):
        blocks = _BLOCK.findall(body)
        replaces = [Replace("train.py", old, new, whole_lines=False) for old, new in blocks]
        edits.append((title, apply_edits(replaces, base)["train.py"]))
    return edits


def edited_by_rule() -> list[tuple[str, str]]:
    """Every constant as an expression, every class renamed, an assertion in every function."""
    text = template()
    lines = text.split("\n")
    edits = []
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, ast.unparse(node.value)
            line = f"{name} = ({value}, {value})[0] * 1"
            changed = [*lines[: node.lineno - 1], line, *lines[node.end_lineno :]]
            edits.append((f"constant {name}", "\n".join(changed)))
        if isinstance(node, ast.ClassDef):
            edits.append((f"renamed {node.name}", re.sub(rf"\b{node.name}\b", f"{node.name}Two", text)))
        if isinstance(node, ast.FunctionDef):
            first = node.body[-1].lineno - 1
            indent = " " * node.body[-1].col_offset
            changed = [*lines[:first], f"{indent}assert True", *lines[first:]]
            edits.append((f"assertion in {node.name}", "\n".join(changed)))
    return edits


def appended() -> list[tuple[str, str]]:
    return [(title, f"{template()}\n\n{snippet}") for title, snippet in sections("honest_snippets.txt")]


@cache
def proposed_by_the_tuner() -> dict[str, str]:
    """Text -> title. The tuner never proposes one configuration twice."""
    history = History({"train.py": template()}, None, ())
    proposals = {}
    for gpu in (False, True):
        tuner = ConstantTuner(gpu=gpu, seed=7)
        for _ in range(TUNED):
            proposal = tuner.propose(history)
            proposals[proposal.files["train.py"]] = proposal.title
    return proposals


def test_the_template_itself_meets_no_objection() -> None:
    assert codes_of(template(), base=None) == []


def test_there_are_at_least_two_hundred_different_edits_and_a_hundred_of_them_by_hand() -> None:
    by_hand = {text for _, text in edited_by_hand()}
    others = {text for _, text in [*edited_by_rule(), *appended()]} | set(proposed_by_the_tuner())
    assert len(by_hand) == len(sections("honest_edits.txt")) >= 100
    assert len(proposed_by_the_tuner()) >= 100
    assert len(by_hand | others) >= 200


@pytest.mark.parametrize(("title", "text"), [*edited_by_hand(), *edited_by_rule(), *appended()])
def test_honest_research_meets_no_objection(title: str, text: str) -> None:
    assert [str(objection) for objection in objections_to(text, base=template())] == [], title


def test_none_of_the_tuner_s_proposals_meets_an_objection() -> None:
    refused = {
        title: [str(objection) for objection in found]
        for text, title in proposed_by_the_tuner().items()
        if (found := objections_to(text, base=template()))
    }
    assert refused == {}


def test_an_ordinary_edit_is_reviewed_in_a_few_hundredths_of_a_second() -> None:
    """0.03 s of processor time, where parsing it once takes 0.004; the bound is for a busy machine."""
    gate, spent = PolicyGate(EDIT, "train.py", POINTS), []
    for _, text in edited_by_hand()[:15]:
        attempt = attempt_with(text, base=template())
        started = time.process_time()
        assert gate.review(attempt).allowed
        spent.append(time.process_time() - started)
    assert statistics.median(spent) < 0.2
