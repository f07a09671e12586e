"""Data where a program should be: encoded text, long tables of numbers, numbers that fill the memory."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator

from orchestrator.lint.source import Lexeme, Source
from orchestrator.policy import EditPolicy
from orchestrator.records import Objection

# Nobody writes that many characters without a space, and with so many different ones: no path, no row of
# dashes, no pattern. Punctuation of Chinese and Japanese counts as a space.
_LEAST_RUN = 48
_RUN = re.compile(rf"[^\s\u2000-\u206f\u3000-\u303f\uff00-\uffef]{{{_LEAST_RUN},}}+")
_LEAST_DIFFERENT = 8

_DISPLAYS = (ast.List, ast.Tuple, ast.Set, ast.Dict)
_MOST_BITS = 1_000_000
_MOST_LEVELS = 20


def embedded_data(source: Source, edit: EditPolicy) -> Iterator[Objection]:
    """At most one objection each to encoded text and to tables of numbers, where the largest piece stands."""
    opaque = {lexeme.start(): size for lexeme in source.lexemes if (size := _opaque_characters(lexeme))}
    if (total := sum(opaque.values())) > edit.max_opaque_characters:
        line = source.line_at(max(opaque, key=lambda start: opaque[start]))
        message = f"{total} characters look like encoded data, more than {edit.max_opaque_characters}"
        yield source.object_to("blob", f"{message}: compute what they stand for", line)
    tables = {node: len(_numbers_in(node)) for node in source.nodes if isinstance(node, _DISPLAYS)}
    if (total := sum(tables.values())) > edit.max_table_numbers:
        line = max(tables, key=lambda node: tables[node]).lineno
        message = f"{total} numbers stand in tables, more than {edit.max_table_numbers}: compute them"
        yield source.object_to("blob", message, line)


def _opaque_characters(lexeme: Lexeme) -> int:
    runs = _RUN.findall(lexeme[0]) if len(lexeme[0]) >= _LEAST_RUN else ()
    return sum(len(run) for run in runs if len(set(run)) >= _LEAST_DIFFERENT)


def _numbers_in(display: ast.List | ast.Tuple | ast.Set | ast.Dict) -> list[ast.expr]:
    items = [*display.keys, *display.values] if isinstance(display, ast.Dict) else display.elts
    return [item for item in items if item is not None and _is_number(item)]


def _is_number(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float | complex)


def absurd_numbers(source: Source) -> Iterator[Objection]:
    """Powers and shifts of constants that no machine should be asked to work out."""
    for node in source.nodes:
        if isinstance(node, ast.BinOp) and _log2(node) > _MOST_BITS:
            message = f"this number would have more than {_MOST_BITS} bits: use a smaller one, or a float"
            yield source.object_to("number", message, node.lineno)
            return


def _log2(node: ast.expr, level: int = 0) -> float:
    """How many bits a number of constants would have; 0 where a name or a float comes in."""
    if level > _MOST_LEVELS:
        return 0.0
    if isinstance(node, ast.UnaryOp):
        return _log2(node.operand, level + 1)
    if isinstance(node, ast.Constant):
        return math.log2(abs(node.value)) if isinstance(node.value, int) and abs(node.value) > 1 else 0.0
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Pow | ast.LShift):
        return 0.0
    left: float = _log2(node.left, level + 1)
    right: float = 2.0 ** min(_log2(node.right, level + 1), 64.0)
    return left * right if isinstance(node.op, ast.Pow) else left + right * (right > 1)
