"""Texts made to break whoever reads them: each is judged in seconds and 200 MB, and nothing raises."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator

import pytest

from orchestrator.gate import PolicyGate
from orchestrator.lint.codes import CODES
from tests.gate_parts import (
    BASE,
    EDIT,
    ROOT,
    attempt_with,
    codes_of,
    objections_to,
    review_files,
    template,
)

MOST_SECONDS = 3.0
MOST_MIB = 200

# What is repeated, and what stands before and after it; each is filled up to the largest file that may be.
BOMBS = {
    "parentheses": ("", "(", ""),
    "braces": ("", "{", ""),
    "minus": ("", "-", "1"),
    "not": ("", "not ", "1"),
    "attributes": ("a", ".b", ""),
    "calls": ("a", "()", ""),
    "indices": ("a", "[0]", ""),
    "sum": ("a=1", "+1", ""),
    "powers": ("1", "**1", ""),
    "lambdas": ("", "lambda:", "1"),
    "ternaries": ("", "1 if 1 else ", "1"),
    "comparisons": ("a", "<a", ""),
    "elif": ("if x:\n p\n", "elif x:\n p\n", ""),
    "gaps": ("", "({[", ""),
    "names": ("", "x\n", ""),
    "statements": ("", "x;", ""),
    "targets": ("", "a=", "1"),
    "calls in lines": ("", "f()\n", ""),
    "lists": ("x=[", "[],\n", "]"),
    "numbers": ("x=[", "1,\n", "]"),
    "decorators": ("", "@a\n", "def f():0"),
    "arguments": ("def f(", "a,\n", "):0"),
    "digits": ("x=", "9", ""),
    "hexadecimal": ("x=0x", "f", ""),
    "backslashes": ("x='", "\\\\", "'"),
    "quotes": ("x=", '"', ""),
    "triple quotes": ("x='''", "''\n", "'''"),
    "line continuations": ("x=1", "\\\n", ""),
    "comments": ("", "#\n", ""),
    "formatted": ("x=f'''", "{a}\n", "'''"),
    "formatted in pieces": ("x=(", "f'{a}'\n", ")"),
    "formatted at the cap": ("", "f'''" + "{a}\n" * 1900 + "'''\n", ""),
    "null bytes": ("x='", "\x00", "'"),
    "combining marks": ("a", "\u0301", " = 1"),
    "imports": ("", "import a.b as c\n", ""),
    "seeds": ("", "seed=1\n", ""),
    "own opposite": ("", "def x():0\n", ""),
}
ODD_BOMBS = {
    "indents": "".join(" " * level + "if 1:\n" for level in range(300)),
    "nested f-strings": 'f"{' * 100 + "1" + '}"' * 100,
    "braces without an end": "{" * 45,
    "a long line": "x = " + " + ".join(["a"] * 5000),
    "a text within a text": "'" * 3 + "f'{" * 2000,
}


def bomb(name: str) -> str:
    if name in ODD_BOMBS:
        return ODD_BOMBS[name]
    before, piece, after = BOMBS[name]
    return before + piece * ((EDIT.max_file_kib * 1024 - len(before + after)) // len(piece)) + after


PROGRAM = """
import json, resource, sys, threading, time
from tests.gate_parts import objections_to
from tests.test_gate_bombs import bomb
def judge():
    text, base = bomb(sys.argv[1]), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    codes = [objection.code for objection in objections_to(text, base=text[:-1] + " " + text[-1:])]
    seconds = time.process_time() - started
    print(json.dumps([codes, seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) / 1024]))
threading.stack_size(2 << 20)
thread = threading.Thread(target=judge)
thread.start()
thread.join()
"""


@pytest.mark.parametrize("name", [*BOMBS, *ODD_BOMBS])
def test_a_text_made_to_break_its_reader_is_judged_soon_in_little_memory_and_the_process_lives(
    name: str,
) -> None:
    command = [sys.executable, "-c", PROGRAM, name]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    codes, seconds, mib = json.loads(done.stdout)
    assert codes
    assert set(codes) <= CODES.keys()
    assert seconds < MOST_SECONDS
    assert mib < MOST_MIB


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (bomb("names"), "tokens"),
        (bomb("minus"), "tokens"),
        (bomb("formatted"), "blob"),
        (bomb("a long line"), "width"),
        (bomb("digits"), "width"),
        (bomb("braces without an end"), "syntax"),
        (bomb("null bytes"), "encoding"),
        ("x = " + "(" * 60 + "1" + ")" * 60, "depth"),
        (bomb("elif"), "depth"),
        (bomb("indents"), "depth"),
        ("x = 9" + "9" * 1900, "syntax"),
        ("x = 9**9**9", "number"),
        ("x = 1 << 10**9", "number"),
        ("x = -(2 ** (10 ** 8))", "number"),
    ],
)
def test_each_kind_of_bomb_has_its_code(text: str, code: str) -> None:
    sys.set_int_max_str_digits(1000)
    try:
        assert code in codes_of(text)
    finally:
        sys.set_int_max_str_digits(sys.int_info.default_max_str_digits)


@pytest.mark.parametrize(
    "number", ["2**31 - 1", "10**9 + 7", "1 << 40", "2**2**10", "1e300", "9.0**9.0**9", "n**n**n"]
)
def test_large_numbers_that_programs_use_are_numbers(number: str) -> None:
    assert codes_of(BASE + f"x = {number}\n") == []


def mutations(text: str, count: int, seed: int) -> Iterator[str]:
    """The text with a few of its pieces dropped, doubled, swapped or replaced by odd characters."""
    chance = random.Random(seed)  # noqa: S311 - mutations, not secrets
    odd = [
        "\x00",
        "\ud800",
        "\u202e",
        "(",
        ")",
        "'",
        '"' * 3,
        "\\\n",
        "\t",
        "f'{",
        "}",
        "é",
        "\U0001f680",
        ":=",
        "lambda",
        "*",
    ]
    for _ in range(count):
        mutant = text
        for _ in range(chance.randint(1, 6)):
            start = chance.randrange(len(mutant) + 1)
            end = min(len(mutant), start + chance.choice([0, 1, 5, 40, 400]))
            piece = chance.choice(["", mutant[start:end] * 2, mutant[start:end][::-1], chance.choice(odd)])
            mutant = mutant[:start] + piece + mutant[end:]
        yield mutant


@pytest.mark.parametrize("seed", range(4))
def test_no_mutation_of_a_program_makes_the_review_raise(seed: int) -> None:
    edit = EDIT.model_copy(update={"scopes": {"train.py": ["main", "WIDTH"]}, "allowed_imports": ["torch"]})
    found = set()
    for mutant in mutations(template(), 100, seed):
        objections = objections_to(mutant, base=template(), edit=edit)
        assert all(each.message.isprintable() and len(each.message) < 600 for each in objections)
        found |= {objection.code for objection in objections}
    assert {"syntax", "encoding", "import"} <= found <= CODES.keys()


def test_a_mutated_base_makes_no_review_raise_either() -> None:
    gate = PolicyGate(EDIT, "train.py", {})
    for mutant in mutations(template(), 100, seed=9):
        gate.review(attempt_with(template(), base=mutant))


def test_many_files_cost_no_more_than_one() -> None:
    files = {f"models/m{number}.py": "x\n" * 15_000 for number in range(8)}
    edit = EDIT.model_copy(update={"files": ["train.py", "models/"]})
    found = review_files(edit, {"train.py": BASE, **files}, {"train.py": BASE})
    assert {objection.code for objection in found} == {"tokens"}
