"""The tunable constants of a source file: module-level capitals with a number, found by `ast`.

    RATE = 3e-4                       a literal, negative and underscored ones too
    WIDTH = 640 if GPU else 128       of these two, the literal of the device in force
    DEPTH = 4  # tune: 1..8           an explicit range
    SLOTS = 8  # tune: off            left alone

Left alone too: names with a leading underscore, seeds (trying seeds is not research), names assigned twice,
and everything that is not a plain number.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeGuard

MAX_SOURCE_BYTES = 1_000_000

Number = int | float

_LINE_END = re.compile(rb"\r\n|\r|\n")
_NUMBER = r"[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_TUNE = re.compile(rf"#\s*tune:\s*(?:(?P<off>off)\b|(?P<low>{_NUMBER})\s*\.\.\s*(?P<high>{_NUMBER}))")


@dataclass(frozen=True, slots=True)
class Bounds:
    """The range that a comment asks for, both ends included."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Constant:
    """A number in a source, and where its literal stands: byte offsets into the UTF-8 text."""

    name: str
    value: Number
    start: int
    end: int
    bounds: Bounds | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """The constants of one source by name, and the rest of it: equal skeletons differ in constants alone."""

    constants: Mapping[str, Constant]
    skeleton: str

    @property
    def values(self) -> dict[str, Number]:
        return {name: constant.value for name, constant in self.constants.items()}


@lru_cache(maxsize=4096)
def read_constants(source: str, *, gpu: bool) -> Reading:
    """Find the tunable constants, in order; none when the source cannot be parsed."""
    tree = _parse(source)
    data = source.encode(errors="replace")
    if tree is None or len(data) > MAX_SOURCE_BYTES:
        return Reading({}, source)
    lines = _line_starts(data)
    found = [_constant(name, value, data, lines, gpu=gpu) for name, value in _assignments(tree)]
    stores = Counter(_stored_names(tree.body))
    once = {constant.name: constant for constant in found if constant and stores[constant.name] == 1}
    return Reading(once, write_spans(data, dict.fromkeys(once, "?"), once))


def edit_constants(source: str, reading: Reading, values: Mapping[str, Number]) -> str:
    """The source with the literals of these constants replaced, and nothing else touched."""
    spelled = {name: spell(value) for name, value in values.items()}
    return write_spans(source.encode(), spelled, reading.constants)


def write_spans(data: bytes, texts: Mapping[str, str], constants: Mapping[str, Constant]) -> str:
    """Put each text over its constant's literal, from the last to the first."""
    for name in sorted(texts, key=lambda name: constants[name].start, reverse=True):
        spot = constants[name]
        data = data[: spot.start] + texts[name].encode() + data[spot.end :]
    return data.decode()


def spell(value: Number) -> str:
    """Python source for a number, which reads back as the same type and value."""
    return repr(value)


def _parse(source: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the candidate's text, such as an odd escape
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _line_starts(data: bytes) -> list[int]:
    return [0, *(match.end() for match in _LINE_END.finditer(data))]


def _stored_names(statements: Iterable[ast.stmt]) -> Iterator[str]:
    """Every name that module-level code assigns, once for each time, branches and loops included."""
    for node in statements:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for part in ast.iter_child_nodes(node):
            if isinstance(part, ast.stmt):
                yield from _stored_names([part])
            else:
                yield from (name.id for name in ast.walk(part) if _is_stored(name))


def _is_stored(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _assignments(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target: ast.expr = node.targets[0]
        elif isinstance(node, ast.AnnAssign):
            target = node.target
        else:
            continue
        if isinstance(target, ast.Name) and node.value is not None:
            yield target.id, node.value


def _constant(name: str, value: ast.expr, data: bytes, lines: list[int], *, gpu: bool) -> Constant | None:
    literal = _in_force(value, gpu=gpu)
    number = _number(literal)
    if number is None or not _tunable_name(name):
        return None
    start = lines[literal.lineno - 1] + literal.col_offset
    end = lines[(literal.end_lineno or 1) - 1] + (literal.end_col_offset or 0)
    after = lines[(value.end_lineno or 1) - 1] + (value.end_col_offset or 0)
    comment = _TUNE.search(_LINE_END.split(data[after:], maxsplit=1)[0].decode())
    if comment and comment["off"]:
        return None
    return Constant(name, number, start, end, _bounds(comment, number) if comment else None)


def _tunable_name(name: str) -> bool:
    return name.isupper() and not name.startswith("_") and "SEED" not in name.split("_")


def _in_force(value: ast.expr, *, gpu: bool) -> ast.expr:
    if isinstance(value, ast.IfExp) and isinstance(value.test, ast.Name) and value.test.id == "GPU":
        return value.body if gpu else value.orelse
    return value


def _number(node: ast.expr) -> Number | None:
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        sign = -1 if isinstance(node.op, ast.USub) else 1
        node = node.operand
    if not isinstance(node, ast.Constant) or type(node.value) not in {int, float}:
        return None
    value = node.value
    return sign * value if isinstance(value, int | float) and _sane(value) else None


def _sane(value: Number) -> bool:
    return abs(value) < 1e15 and math.isfinite(value)


def _bounds(comment: re.Match[str], value: Number) -> Bounds | None:
    """The comment's range, or None when it is empty or does not hold the value in force."""
    low, high = float(comment["low"]), float(comment["high"])
    return Bounds(low, high) if low < high and low <= value <= high else None
