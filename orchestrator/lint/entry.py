"""Whether a file still has the entry points that its container calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from orchestrator.lint.source import Source
from orchestrator.records import Objection

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def entry_problems(source: Source, points: Mapping[str, int]) -> Iterator[Objection]:
    """Entry points that are missing, or that cannot be called with the right number of arguments."""
    bound = dict(_module_names(source.tree.body))
    for name, arguments in points.items():
        node = bound.get(name)
        wanted = f"{name} must be a function of {arguments} argument{'s' * (arguments != 1)}"
        if node is None:
            message = f"{wanted}, at the top level of the file: it is missing"
            yield source.object_to("entry", message)
        elif isinstance(node, ast.AsyncFunctionDef):
            yield source.object_to("entry", f"{wanted}: it is async, so nothing would run", node.lineno)
        elif isinstance(node, ast.FunctionDef) and not _takes(node.args, arguments):
            yield source.object_to("entry", f"{wanted}: it takes other ones", node.lineno)


def _takes(arguments: ast.arguments, count: int) -> bool:
    positional = len(arguments.posonlyargs) + len(arguments.args)
    required = positional - len(arguments.defaults)
    needs_names = any(default is None for default in arguments.kw_defaults)
    return required <= count and (arguments.vararg is not None or count <= positional) and not needs_names


def _module_names(body: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    """Every name that the module's own statements bind, in order, with what binds it."""
    stack: list[ast.AST] = list(reversed(body))
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node
        elif isinstance(node, ast.alias):
            yield node.asname or node.name, node
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node
        elif not isinstance(node, _FUNCTIONS):
            stack += reversed(list(ast.iter_child_nodes(node)))
