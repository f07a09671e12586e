"""Imports and calls that the policy forbids, under whatever name the file imported them.

Aliases, `getattr` with a text that stands there, and mentions beside calls are seen; disguises are not.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import translate

from orchestrator.lint.source import Source
from orchestrator.policy import EditPolicy
from orchestrator.records import Objection
from orchestrator.text import sanitise_line

ALWAYS_ALLOWED = ("harness", "__future__")  # the way to data, deadline and result; and no module at all
_SHOWN_ALLOWED = 12


def forbidden_names(source: Source, edit: EditPolicy, own_modules: Iterable[str]) -> Iterator[Objection]:
    """Objections to what a file imports and to what it calls or takes for calling."""
    yield from _imports(source, edit, own_modules)
    yield from _calls(source, edit.forbidden_calls)


def _imports(source: Source, edit: EditPolicy, own_modules: Iterable[str]) -> Iterator[Objection]:
    forbidden = _below(edit.forbidden_imports)
    allowed = _below([*edit.allowed_imports, *ALWAYS_ALLOWED, *own_modules])
    for node in source.nodes:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        modules = list(_imported_modules(node))
        if hit := next(filter(None, map(forbidden.match, modules)), None):
            message = f"the policy forbids to import {hit[0]}: do without it"
            yield source.object_to("import", message, node.lineno)
        elif edit.allowed_imports and (strange := _not_allowed(node, modules, allowed)):
            yield source.object_to("import", _not_listed(strange, edit.allowed_imports), node.lineno)


def _below(modules: Iterable[str]) -> re.Pattern[str]:
    """Matches the modules and everything under them."""
    return re.compile("|".join(rf"{re.escape(name)}(?=\.|$)" for name in modules) or "(?!)")


def _imported_modules(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif node.module and not node.level:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _not_allowed(node: ast.Import | ast.ImportFrom, modules: Sequence[str], allowed: re.Pattern[str]) -> str:
    """The first module that is on no list; `from a import b` is allowed by a and by a.b."""
    if isinstance(node, ast.ImportFrom):
        if not modules or allowed.match(modules[0]):
            return ""
        modules = modules[1:]
    return next((module for module in modules if not allowed.match(module)), "")


def _not_listed(module: str, allowed: Sequence[str]) -> str:
    names = ", ".join(allowed[:_SHOWN_ALLOWED]) + (", ..." if len(allowed) > _SHOWN_ALLOWED else "")
    return f"{_short(module)} is not among the modules that the policy allows: {sanitise_line(names, 300)}"


def _calls(source: Source, patterns: Sequence[str]) -> Iterator[Objection]:
    forbidden = re.compile("|".join(map(translate, patterns)) or "(?!)")
    meaning, own = _imported_names(source.nodes), _own_names(source.nodes)
    inner: set[int] = set()  # of `a.b.c`, the nodes of `a.b` and `a`: the whole has been looked at
    for node in source.nodes:
        if isinstance(node, ast.Attribute):
            inner.add(id(node.value))
        if id(node) in inner or not isinstance(node, ast.Attribute | ast.Name | ast.Call):
            continue
        name = _dotted(node, meaning, own)
        if name and forbidden.match(name) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            message = f"the policy forbids to call {_short(name)}: do without it"
            yield source.object_to("call", message, node.lineno)


def _short(name: str) -> str:
    return sanitise_line(name, 80)


def _imported_names(nodes: Sequence[ast.AST]) -> dict[str, str]:
    """What each imported name stands for: `import os as o` gives o -> os."""
    meaning: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            meaning |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            meaning |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return meaning


def _own_names(nodes: Sequence[ast.AST]) -> set[str]:
    """Names that the file defines itself, so that a method's argument `compile` is not the builtin."""
    own = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    own |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return own | {node.arg for node in nodes if isinstance(node, ast.arg)}


def _dotted(node: ast.expr, meaning: Mapping[str, str], own: set[str]) -> str:
    """The dotted name that an expression stands for, such as `os.system`; empty when it has none."""
    parts: list[str] = []
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Call) and (attribute := _read_attribute(node)):
            parts.append(attribute)
            node = node.args[0]
        else:
            return ""
    if node.id in own and node.id not in meaning:
        return ""
    return ".".join([meaning.get(node.id, node.id), *reversed(parts)]).removeprefix("builtins.")


def _read_attribute(call: ast.Call) -> str:
    """The attribute that `getattr(x, "name")` reads, where the text stands there, in pieces or whole."""
    if isinstance(call.func, ast.Name) and call.func.id == "getattr" and len(call.args) in (2, 3):
        return _text_of(call.args[1])
    return ""


def _text_of(node: ast.expr) -> str:
    pieces: list[str] = []
    stack = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Add):
            stack += [part.left, part.right]
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            pieces.append(part.value)
        else:
            return ""
    return "".join(reversed(pieces))
