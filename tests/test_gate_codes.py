"""Codes of objections, data that is embedded, and what a text hides from its reader."""

from __future__ import annotations

import ast
import base64
import random
from collections.abc import Iterator

import pytest

from orchestrator.lint.codes import CODES
from tests.gate_parts import BASE, EDIT, ROOT, codes_of, objections_to

CHANCE = random.Random(1)  # noqa: S311 - texts, not secrets
NOISE = CHANCE.randbytes(1500)


def codes_in(tree: ast.Module) -> Iterator[str]:
    """The first text given to Objection(...), and to object_to(...)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and isinstance(first := node.args[0], ast.Constant):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in {"Objection", "object_to"}:
                yield str(first.value)


def test_every_code_that_the_program_uses_is_in_the_table_and_no_other_one() -> None:
    used = set()
    for path in (ROOT / "orchestrator").rglob("*.py"):
        used |= set(codes_in(ast.parse(path.read_text(encoding="utf-8"))))
    assert used | {"unchanged", "seed"} == set(CODES)


def test_the_readme_of_the_policies_lists_the_codes_with_the_same_words() -> None:
    text = (ROOT / "policies" / "README.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and line != "| code | means |"]
    assert rows == [f"| {code} | {meaning} |" for code, meaning in CODES.items()]


def wrapped(text: str, width: int = 100) -> str:
    pieces = [text[start : start + width] for start in range(0, len(text), width)]
    return "x = (\n" + "".join(f"    {piece!r}\n" for piece in pieces) + ")\n"


BLOBS = {
    "base64": wrapped(base64.b64encode(NOISE).decode()),
    "base85": wrapped(base64.b85encode(NOISE).decode()),
    "hexadecimal": wrapped(NOISE.hex()),
    "escapes": f"x = {NOISE[:400]!r}\n",
    "one triple-quoted text": f'x = """{base64.encodebytes(NOISE).decode()}"""\n',
    "comments": "x = 1\n"
    + "".join(f"#: {line}\n" for line in base64.encodebytes(NOISE).decode().split("\n")),
    "long integers": "".join(f"x{n} = 0x{CHANCE.randbytes(40).hex()}\n" for n in range(20)),
    "a long list": "x = [\n" + "".join(f"    {n % 97}, -{n % 89}.5,\n" for n in range(600)) + "]\n",
    "a nested list": "x = [\n" + "".join(f"    [{n}, {n}, {n}, {n}],\n" for n in range(300)) + "]\n",
    "a dictionary": "x = {\n" + "".join(f"    {n}: {n + 1},\n" for n in range(600)) + "}\n",
    "a long text": "x = '''" + "many honest words, but far too many of them\n" * 250 + "'''\n",
}


@pytest.mark.parametrize("name", BLOBS)
def test_data_in_a_program_is_refused_where_it_stands(name: str) -> None:
    edit = EDIT.model_copy(update={"max_changed_lines": 100_000})
    (objection,) = objections_to(BASE + BLOBS[name], edit=edit)
    assert objection.code == "blob"
    assert objection.line >= 10


@pytest.mark.parametrize("name", BLOBS)
def test_the_same_data_passes_where_the_policy_has_room_for_it(name: str) -> None:
    room = {"max_opaque_characters": 10**6, "max_table_numbers": 10**6, "max_string_characters": 30_000}
    edit = EDIT.model_copy(update={"max_changed_lines": 100_000, **room})
    assert objections_to(BASE + BLOBS[name], edit=edit) == ()


@pytest.mark.parametrize(
    "line",
    ["# -*- coding: utf-7 -*-", "# vim: set fileencoding=rot13 :", "#!/usr/bin/python\n# coding=latin-1"],
)
def test_an_encoding_in_which_python_would_read_something_else_is_refused(line: str) -> None:
    (objection,) = objections_to(f"{line}\n{BASE}")
    assert (objection.code, objection.line) == ("encoding", line.count("\n") + 1)


@pytest.mark.parametrize("line", ["# -*- coding: utf-8 -*-", "x = 'coding: rot13'", "\n\n# coding: rot13"])
def test_what_python_does_not_take_for_an_encoding_passes(line: str) -> None:
    assert codes_of(f"{line}\n{BASE}y = 1\n") == []


@pytest.mark.parametrize(
    "name", ["\u0441", "\u0440\u0430\u0441\u0435", "\u0391", "\u0391dam", "x_\u043e", "\u03bf"]
)
def test_names_that_only_look_latin_are_refused(name: str) -> None:
    (objection,) = objections_to(f"{BASE}{name} = 1\n")
    assert (objection.code, objection.line) == ("encoding", 10)
    assert objection.message.isascii()


@pytest.mark.parametrize(
    "name", ["\u0448\u0430\u0433", "\u03b1", "\u03bd_max", "\u0394t", "gr\u00f6\u00dfe", "\u6b65\u957f"]
)
def test_names_in_other_alphabets_are_names(name: str) -> None:
    assert codes_of(f"{BASE}{name} = 1\n") == []


@pytest.mark.parametrize(
    "hidden", ["a\ufe00", "a\ufe0f\ufe0f", "a\U000e0100", " \ufe0f", "\ue000", "\U000f0000"]
)
def test_data_in_variation_selectors_and_private_letters_is_refused(hidden: str) -> None:
    assert codes_of(BASE.replace("print(RATE)", f"print('{hidden}')")) == ["encoding"]


def test_an_emoji_may_have_its_style() -> None:
    assert codes_of(BASE.replace("0.1", "0.2  # \u26a0\ufe0f hot, 1\ufe0f\u20e3 first")) == []
