"""Which top-level statements of a file a change touched, beside those that it may."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.lint.sameness import fingerprint
from orchestrator.lint.source import Source, parse
from orchestrator.records import Objection
from orchestrator.text import sanitise_line

_PLAIN = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.AugAssign)
_IMPORTS = (ast.Import, ast.ImportFrom)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class _Statement:
    """A top-level statement, what it binds, and its program."""

    names: tuple[str, ...]
    line: int
    program: str

    @property
    def title(self) -> str:
        return sanitise_line(", ".join(self.names), 80) if self.names else "a statement without a name"


def out_of_scope(before: ast.Module | None, source: Source, scope: Sequence[str]) -> Iterator[Objection]:
    """Objections to every change of a statement that does not bind names of the scope alone.

    What is left without those statements must be the same program, in the same order.
    """
    old = _outside(before.body if before else [], scope)
    new = _outside(source.tree.body, scope)
    only = f"only {sanitise_line(', '.join(scope), 200) or 'nothing'} may be changed in {source.path}"
    known, wanted = {each.program for each in old}, {each.program for each in new}
    had, has = ({name for each in side for name in each.names} for side in (old, new))
    objections = [
        source.object_to("scope", f"{each.title} was {_verb(each, had)}: {only}", each.line)
        for each in new
        if each.program not in known
    ]
    for each in old:
        if each.program not in wanted and not (each.names and has.issuperset(each.names)):
            message = f"{each.title} was removed or changed (line {each.line} of the best): {only}"
            objections.append(source.object_to("scope", message))
    if not objections and [each.program for each in old] != [each.program for each in new]:
        objections.append(
            source.object_to("scope", f"statements were moved or repeated: {only}", _moved(old, new))
        )
    yield from objections


def names_at_the_top(path: str, text: str) -> frozenset[str]:
    """What the top level of a file binds; nothing where it is no Python."""
    tree = parse(path, text)
    body = tree.body if isinstance(tree, ast.Module) else []
    return frozenset(name for node in body for name in _bound(node))


def _verb(statement: _Statement, had: set[str]) -> str:
    return "changed" if had.issuperset(statement.names) and statement.names else "added"


def _moved(old: Sequence[_Statement], new: Sequence[_Statement]) -> int:
    pairs = zip(old, new, strict=False)
    return next((right.line for left, right in pairs if left.program != right.program), 0)


def _outside(body: Sequence[ast.stmt], scope: Sequence[str]) -> list[_Statement]:
    listed = frozenset(scope)
    statements = ((node, tuple(dict.fromkeys(_bound(node)))) for node in body)
    return [
        _Statement(names, node.lineno, fingerprint(node))
        for node, names in statements
        if not (_is_plain(node) and names and listed.issuperset(names))
    ]


def _is_plain(node: ast.stmt) -> bool:
    """Whether a statement does nothing but bind names: no attribute or item, no block that runs by itself."""
    if isinstance(node, _IMPORTS):
        return True
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    stack = [target for target in targets if target is not None]
    while stack:
        target = stack.pop()
        if isinstance(target, ast.Tuple | ast.List):
            stack += target.elts
        elif isinstance(target, ast.Starred):
            stack.append(target.value)
        elif not isinstance(target, ast.Name):
            return False
    return isinstance(node, _PLAIN)


def _bound(statement: ast.stmt) -> Iterator[str]:
    """The module's names that a statement binds, walruses and `global` in functions included."""
    stack: list[tuple[ast.AST, bool]] = [(statement, True)]  # False: inside a function or class
    while stack:
        node, outside = stack.pop()
        if isinstance(node, ast.Global):
            yield from node.names
        elif not outside:
            stack += ((child, False) for child in ast.iter_child_nodes(node))
        else:
            yield from _bound_by(node)
            stack += _inside(node)


def _bound_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, _DEFINITIONS):
        yield node.name
    elif isinstance(node, ast.alias):
        yield (node.asname or node.name).split(".")[0]
    elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
        yield node.name


def _inside(node: ast.AST) -> Iterator[tuple[ast.AST, bool]]:
    """The node's children; a body of its own and what a comprehension counts with are inside."""
    own = "body" if isinstance(node, (*_DEFINITIONS, ast.Lambda)) else "target"
    closed = isinstance(node, (*_DEFINITIONS, ast.Lambda, ast.comprehension))
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield child, not (closed and name == own)
