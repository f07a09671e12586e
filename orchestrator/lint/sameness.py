"""Whether two programs are the same, layout and comments aside, and whether only seeds differ."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import IntEnum
from functools import partial
from itertools import takewhile

_SEED_NAME = re.compile(r"(.*_)?seed")
_SEEDERS = frozenset(
    {"seed", "manual_seed", "manual_seed_all", "default_rng", "RandomState", "SeedSequence", "Random"}
)
_BLOCKS = frozenset({"body", "orelse", "finalbody"})
_NO_SEED = ast.Constant(0)

Fields = Callable[[ast.AST], Iterable[object]]


class Difference(IntEnum):
    """How far one program is from another."""

    NONE = 0
    SEEDS = 1
    PROGRAM = 2


def difference(before: ast.Module, after: ast.Module, texts: tuple[str, str]) -> Difference:
    """How far a program is from the one before, each given with its text.

    Blind to layout and comments, and to seeds: what is assigned or passed to a name of a seed, and what seeds
    a generator. Lint: a seed by another name is for the repeats with the host's own to find out.
    """
    lines = [text.split("\n") for text in texts]
    old, new = _unlike(before.body, after.body, *(partial(_spelling, each) for each in lines))
    old, new = _unlike(old, new, fingerprint, fingerprint)
    if not old and not new:
        return Difference.NONE
    left, right = (_written(ast.Module(side, []), _fields_but_seeds) for side in (old, new))
    return Difference.SEEDS if left == right else Difference.PROGRAM


def _unlike(
    old: list[ast.stmt],
    new: list[ast.stmt],
    read_old: Callable[[ast.stmt], object],
    read_new: Callable[[ast.stmt], object],
) -> tuple[list[ast.stmt], list[ast.stmt]]:
    """What is left of two blocks without the statements that are read alike at their heads and ends."""
    pairs = zip(old, new, strict=False)
    head = sum(1 for _ in takewhile(lambda pair: read_old(pair[0]) == read_new(pair[1]), pairs))
    old, new = old[head:], new[head:]
    pairs = zip(reversed(old), reversed(new), strict=False)
    end = sum(1 for _ in takewhile(lambda pair: read_old(pair[0]) == read_new(pair[1]), pairs))
    return old[: len(old) - end], new[: len(new) - end]


def _spelling(lines: Sequence[str], node: ast.stmt) -> tuple[object, ...]:
    """A statement's lines and columns: what is spelt alike need not be compared node by node."""
    first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
    return (node.col_offset, node.end_col_offset, lines[first - 1 : node.end_lineno])


def fingerprint(node: ast.AST) -> str:
    """A text that two trees share exactly when they are the same program."""
    return _written(node, _fields)


def _written(node: ast.AST, fields_of: Fields) -> str:
    """Depth first, with the length of every list; a stack, since recursion would break on deep trees."""
    parts: list[str] = []
    stack: list[object] = [node]
    while stack:
        item = stack.pop()
        if item is None or isinstance(item, str):
            parts.append(repr(item))
        elif isinstance(item, ast.AST):
            parts.append(item.__class__.__name__)
            stack += fields_of(item)
        elif isinstance(item, list):
            parts.append(f"[{len(item)}")
            stack += item
        elif isinstance(item, int):
            parts.append(f"{type(item).__name__}{item:x}")  # as decimals, long ones are refused
        else:
            parts.append(repr(item))
    return "\n".join(parts)


def _fields(node: ast.AST) -> list[object]:
    """All but the context, which follows from the place."""
    return [getattr(node, name, None) for name in node._fields if name != "ctx"]


def _fields_but_seeds(node: ast.AST) -> Iterator[object]:
    if isinstance(node, ast.keyword) and _SEED_NAME.fullmatch((node.arg or "").lower()):
        yield from (node.arg, _NO_SEED)
    elif isinstance(node, ast.Call) and _last_name(node.func) in _SEEDERS:
        yield from (node.func, node.keywords)
    else:
        for name in node._fields:
            value = getattr(node, name, None)
            if name in _BLOCKS and isinstance(value, list):
                value = [each for each in value if not _only_seeds(each)]
            yield value


def _only_seeds(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        return _last_name(statement.value.func) in _SEEDERS
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return isinstance(statement, ast.Assign | ast.AnnAssign) and all(
        isinstance(target, ast.expr) and _is_a_seed(target) for target in targets
    )


def _is_a_seed(target: ast.expr) -> bool:
    return bool(_SEED_NAME.fullmatch(_last_name(target).lower()))


def _last_name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
