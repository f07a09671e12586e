"""The gate: which objections an attempt meets, and that honest research meets none."""

from __future__ import annotations

import ast
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.gate import MAX_OBJECTIONS, PolicyGate, changed_lines
from orchestrator.records import Attempt, Files, Proposal
from tests.gate_parts import BASE, EDIT, POINTS, attempt_with, codes_of, objections_to, sections, template


def test_a_change_of_one_constant_is_allowed() -> None:
    assert codes_of(BASE.replace("0.1", "0.2")) == []


def test_the_first_attempt_has_no_base_and_is_allowed() -> None:
    assert codes_of(BASE, base=None) == []


def test_the_template_itself_is_allowed_as_the_baseline_although_it_changes_nothing() -> None:
    files: Files = {"train.py": BASE}
    baseline = Attempt(1, Proposal("baseline", files), files, seed=1, parent=None, base_files=files)
    assert PolicyGate(EDIT, "train.py", POINTS).review(baseline).allowed


def test_a_malformed_reply_is_refused_with_its_problem() -> None:
    proposal = Proposal("nothing", {}, problem="the search text\x1b[31m matches twice\u202e")
    attempt = Attempt(2, proposal, {"train.py": BASE}, seed=1, parent="a", base_files={"train.py": BASE})
    verdict = PolicyGate(EDIT, "train.py", POINTS).review(attempt)
    assert [objection.code for objection in verdict.objections] == ["malformed"]
    assert verdict.reason == "the proposal changes nothing: the search text matches twice [malformed]"


@pytest.mark.parametrize(
    "text",
    [
        BASE,
        BASE.replace("0.1", "1e-1"),
        BASE + "\n\n# a remark\n",
        BASE.replace("print(RATE)", "print( RATE )"),
    ],
)
def test_layout_and_comments_alone_are_no_change(text: str) -> None:
    assert codes_of(text) == ["unchanged"]


SEEDED = BASE + "SEED = 1\nimport torch\ntorch.manual_seed(SEED + 1)\ntorch.rand(2, generator=make(seed=3))\n"


@pytest.mark.parametrize(
    "text",
    [
        SEEDED.replace("SEED = 1", "SEED = 42"),
        SEEDED.replace("SEED = 1", "SEED: int = 7 * 6"),
        SEEDED.replace("SEED + 1", "1234"),
        SEEDED.replace("seed=3", "seed=4"),
        SEEDED + "torch.cuda.manual_seed_all(5)\n",
        SEEDED.replace("torch.manual_seed(SEED + 1)\n", ""),
    ],
)
def test_a_change_of_nothing_but_a_seed_is_named(text: str) -> None:
    assert codes_of(text, SEEDED) == ["seed"]


def test_a_seed_beside_another_change_is_a_change() -> None:
    assert codes_of(SEEDED.replace("SEED = 1", "SEED = 42").replace("0.1", "0.2"), SEEDED) == []


@pytest.mark.parametrize("text", [BASE.replace("0.1", "-0.1"), BASE.replace("0.1", "True"), BASE + "pass\n"])
def test_the_smallest_difference_of_programs_is_a_change(text: str) -> None:
    assert codes_of(text) == []


ODD_PATHS = [
    "../../.git/hooks/post-commit",
    "/etc/passwd",
    "train.py\x00",
    "train.py\x00.txt",
    "train.py ",
    " train.py",
    "./train.py",
    "TRAIN.PY",
    "Train.py",
    "train.pY",
    "train.py:stream",
    "train.py::$DATA",
    "train.py/",
    "train.py/.",
    "a/../train.py",
    "..\\train.py",
    "C:\\train.py",
    "\\\\host\\train.py",
    "~/train.py",
    "//train.py",
    "train.py\n",
    "train\u200b.py",
    "tr\u0430in.py",
    "train.py\u202e",
    "\uff54rain.py",
    "",
    ".",
    "..",
    "%2e%2e/train.py",
    "file:///train.py",
    "harness.py",
    "runner.py",
    "policies/default.yaml",
    "program.md",
    "task.yaml",
    ".gitattributes",
    "__init__.py",
    "sitecustomize.py",
    "torch.py",
    "tests/x.py",
    "train.pyc",
    "\ud800.py",
    "-rf.py",
    "x" * 5000,
]


@pytest.mark.parametrize("path", ODD_PATHS, ids=range(len(ODD_PATHS)))
def test_only_the_allowed_file_spelt_exactly_may_be_changed(path: str) -> None:
    objections = objections_to("x = 1\n", name=path)
    assert [objection.code for objection in objections] == ["path", "unchanged"]
    assert objections[0].path.isprintable()
    assert len(objections[0].path) <= 80


@pytest.mark.parametrize("text", ["", "\n", "   \n\t\n"])
def test_a_file_that_was_emptied_is_missing(text: str) -> None:
    assert codes_of(text) == ["missing"]


def test_an_attempt_without_the_entry_file_is_refused() -> None:
    attempt = Attempt(1, Proposal("nothing", {}), {}, seed=1)
    verdict = PolicyGate(EDIT, "train.py", POINTS).review(attempt)
    assert [objection.code for objection in verdict.objections] == ["missing"]


def test_a_file_over_the_cap_is_refused_by_bytes_and_one_at_the_cap_is_not() -> None:
    room = EDIT.max_file_kib * 1024 - len(BASE.encode())
    filler = "#" + "é" * ((room - 1) // 2) + "x" * ((room - 1) % 2)
    assert "size" not in codes_of(BASE + filler)
    assert codes_of(BASE + filler + "é") == ["size"]


def test_changed_lines_count_what_was_added_and_removed_but_not_what_moved() -> None:
    assert changed_lines("a\nb\nc\n", "c\na\nb\n") == 0
    assert changed_lines("a\nb\n", "a\n\n\nb  \n") == 0
    assert changed_lines("a\nb\n", "a\nB\nc\n") == 3


def test_a_change_of_too_many_lines_is_refused() -> None:
    lines = "".join(f"x{number} = {number}\n" for number in range(EDIT.max_changed_lines))
    assert codes_of(BASE + lines) == []
    assert codes_of(BASE + lines + "y = 1\n") == ["lines"]


HIDDEN = {
    "\x00": 0, "\ufeff": 0, "\r\n": 0, "\r": 0, "\x1b": 0, "\x0c": 0, "\x7f": 0, "\x85": 0, "\ud800": 0,
    "\u200b": 0, "\u200c": 0, "\u200d": 0, "\u200e": 0, "\u200f": 0, "\u202a": 0, "\u202b": 0, "\u202c": 0,
    "\u202d": 0, "\u202e": 0, "\u2060": 0, "\u2066": 0, "\u2067": 0, "\u2068": 0, "\u2069": 0, "\u2028": 0,
    "\u2029": 0, "\u00ad": 0, "\u061c": 0, "\u180e": 0, "\u3164": 0, "\U000e0041": 0,
}  # fmt: skip


@pytest.mark.parametrize("character", HIDDEN, ids=ascii)
def test_characters_that_a_reader_cannot_see_are_refused_where_they_stand(character: str) -> None:
    (objection,) = objections_to(BASE.replace("print(RATE)", f"print('{character}')"))
    assert (objection.code, objection.path, objection.line) == ("encoding", "train.py", 5)
    assert objection.message.isprintable()


def test_a_name_of_two_alphabets_is_refused_and_greek_mathematics_is_not() -> None:
    assert codes_of(BASE + "m\u0430in = 1\n") == ["encoding"]
    assert codes_of(BASE + "λ_max = 1\nprint(λ_max)\n") == []


@pytest.mark.parametrize(
    ("text", "line"),
    [("def main(:\n", 1), (BASE + "x = = 1\n", 10), (BASE + "  y\n", 10), (BASE + "x = '\n", 10)],
)
def test_a_syntax_error_is_named_with_its_line(text: str, line: int) -> None:
    (objection,) = objections_to(text)
    assert (objection.code, objection.line) == ("syntax", line)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BASE.replace("def main", "def train"), "main must be a function of 0 arguments"),
        (
            BASE.replace("main()", "main(steps)"),
            "main must be a function of 0 arguments: it takes other ones",
        ),
        (BASE.replace("main()", "main(*, steps)"), "main must be a function of 0 arguments"),
        (BASE.replace("(config)", "()"), "build_model must be a function of 1 argument: it takes"),
        (BASE.replace("(config)", "(config, more)"), "build_model must be a function of 1 argument"),
        (BASE.replace("def main", "async def main"), "it is async"),
        (
            BASE.replace("def main():", "class A:\n  def main():"),
            "at the top level of the file: it is missing",
        ),
        (BASE + "def main(steps): ...\n", "main must be a function of 0 arguments"),
    ],
)
def test_an_entry_point_that_the_container_cannot_call_is_refused(text: str, said: str) -> None:
    (objection,) = objections_to(text.replace("  print", "    print") if "class A" in text else text)
    assert objection.code == "entry"
    assert said in objection.message


@pytest.mark.parametrize(
    "text",
    [
        BASE.replace("main()", "main(steps=3)"),
        BASE.replace("main()", "main(*rest, **more)"),
        BASE.replace("(config)", "(config, /, width=3, *, deep=True)"),
        BASE.replace("def main():\n    print(RATE)", "def train(): ...\nmain = train"),
        BASE.replace("def main", "if RATE:\n  def main"),
        BASE.replace("def main", "@staticmethod\ndef main"),
        "from math import sqrt as build_model\n"
        + BASE.replace("def build_model(config):\n    return config", ""),
    ],
)
def test_an_entry_point_that_can_be_called_is_accepted_however_it_is_written(text: str) -> None:
    assert "entry" not in codes_of(text)


@pytest.mark.parametrize(
    "line",
    [
        "import socket",
        "import urllib.request",
        "from urllib import request",
        "from urllib.request import urlopen",
        "import os, subprocess as s",
        "from torch.utils import cpp_extension",
        "import torch.utils.cpp_extension as x",
        "def f():\n    import ctypes",
        "try:\n    import pickle\nfinally: ...",
    ],
)
def test_a_forbidden_import_is_found_wherever_it_stands(line: str) -> None:
    assert codes_of(f"{line}\n{BASE}") == ["import"]


@pytest.mark.parametrize(
    "line",
    ["import socketio", "import torch.utils.checkpoint", "from .socket import x", "import pickletools"],
)
def test_a_module_whose_name_merely_begins_alike_is_allowed(line: str) -> None:
    assert codes_of(f"{line}\n{BASE}") == []


@pytest.mark.parametrize(
    "text",
    [
        "eval('1')",
        "exec('1')",
        "compile('1', '', 'eval')",
        "__import__('os')",
        "import os\nos.system('x')",
        "import os as o\no.system('x')",
        "from os import system\nsystem('x')",
        "from os import system as s\ns('x')",
        "import os\nos.execvp('x', [])",
        "import os\nos.posix_spawnp('x', [], {})",
        "import torch\ntorch.load('x')",
        "from torch import load\nload('x')",
        "import torch\ntorch.hub.load('x', 'y')",
        "import builtins\nbuiltins.eval('1')",
        "from builtins import eval as e\ne('1')",
        "\U0001d41e\U0001d42f\U0001d41a\U0001d425('1')",
        "import importlib\nimportlib.import_module('x')",
        "import signal\nsignal.signal(15, signal.SIG_IGN)",
        "x = [lambda: eval('1')]",
        "import os\nrun = os.system\nrun('x')",
        "import os\nlist(map(os.system, ['x']))",
        "@eval\ndef text(): ...",
        "import os\ngetattr(os, 'system')('x')",
        "import os\ngetattr(os, 'sys' + 'tem', None)('x')",
        "import importlib as il\ngetattr(il, 'import_' + 'module')('socket')",
        "import builtins\ngetattr(builtins, 'ex' + 'ec')('1')",
        "import torch\ngetattr(torch, 'hub').load('x', 'y')",
    ],
)
def test_a_forbidden_call_is_found_under_the_name_that_the_file_gave_it(text: str) -> None:
    assert codes_of(f"{text}\n{BASE}") == ["call"]


@pytest.mark.parametrize(("title", "text"), sections("evasions.txt"))
def test_known_evasions_pass_for_this_is_lint_and_the_container_is_the_boundary(
    title: str, text: str
) -> None:
    """When one of these is refused some day, move it to the refused ones above."""
    assert not {"import", "call"} & set(codes_of(f"{text}\n{BASE}")), title


def test_every_objection_is_listed_in_order_up_to_a_cap() -> None:
    found = objections_to(f"import socket\neval('1')\nimport ctypes\n{BASE}")
    assert [(objection.code, objection.line) for objection in found] == [
        ("import", 1),
        ("call", 2),
        ("import", 3),
    ]
    assert len(objections_to("import socket\n" * 100 + BASE)) == MAX_OBJECTIONS


def test_a_message_stays_short_whatever_the_candidate_named() -> None:
    attributes = ".".join(["system"] * 100)
    edit = EDIT.model_copy(update={"forbidden_calls": ["os.*"]})
    for text in (f"os.{attributes}()\n", "m\u0430" * 1000 + " = 1\n"):
        (objection,) = objections_to(text + BASE, edit=edit)
        assert len(objection.message) < 200


def test_nothing_that_a_candidate_wrote_runs_during_review(tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    assert codes_of(f"open({str(trap)!r}, 'w').close()\n{BASE}") == []
    assert not trap.exists()


def test_the_parser_s_warnings_about_a_candidate_stay_inside() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert codes_of(BASE + "x = '\\d'\ny = 1 is 1\n") == []
    assert caught == []


def large_text() -> str:
    functions = (
        f"def step{n}(x, rate=0.{n}):\n    y = x * {n} + rate\n    return y.norm()\n" for n in range(850)
    )
    return BASE + "".join(functions)


def least_seconds(action: Callable[[], object]) -> float:
    """Of processor time, in the best of five rounds, so that a busy machine changes little."""
    spent = []
    for _ in range(5):
        started = time.process_time()
        action()
        spent.append(time.process_time() - started)
    return min(spent)


def test_a_file_of_the_largest_size_is_reviewed_in_a_fraction_of_a_second() -> None:
    """0.15 s against 0.033 s for parsing it once, on an idle core; far off would be a square."""
    text = large_text()
    assert 60_000 < len(text) <= EDIT.max_file_kib * 1024
    attempt = attempt_with(text.replace("norm()", "mean()", 1), base=text)
    gate = PolicyGate(EDIT, "train.py", POINTS)
    assert gate.review(attempt).allowed
    seconds = least_seconds(lambda: gate.review(attempt))
    assert seconds < 30 * least_seconds(lambda: ast.parse(text))
    assert seconds < 1.0


def test_rewriting_the_whole_file_within_the_line_budget_is_allowed() -> None:
    assert codes_of("import torch\n" + BASE, base=template()) == []
