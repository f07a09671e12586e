"""What the gate reads in one source text. It parses candidate code and never compiles or runs it."""

from __future__ import annotations

import ast
import re
import unicodedata
import warnings
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import translate

from orchestrator.policy import EditPolicy
from orchestrator.records import Objection
from orchestrator.text import sanitise_line

_UNUSUAL = re.compile(r"[^\n\t\x20-\x7e]")
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_INVISIBLE_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_SEED_NAME = re.compile(r"(.*_)?seed")
_SEEDERS = frozenset(
    {"seed", "manual_seed", "manual_seed_all", "default_rng", "RandomState", "SeedSequence", "Random"}
)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def hidden_characters(path: str, text: str) -> Objection | None:
    """The first character that a reader cannot see, or that ends lines in another way than `\\n`."""
    for match in _UNUSUAL.finditer(text):
        character = match.group()
        category = unicodedata.category(character)
        if category in _HIDDEN_CATEGORIES or character in _INVISIBLE_LETTERS:
            line = text.count("\n", 0, match.start()) + 1
            return Objection("encoding", _hidden_message(character), path, line)
    return None


def _hidden_message(character: str) -> str:
    if character == "\r":
        return "lines end in a carriage return: end them with a newline alone"
    name = unicodedata.name(character, "a control character").lower()
    return f"U+{ord(character):04X} ({name}) cannot be seen by a reader: remove it"


def parse(path: str, text: str) -> ast.Module | Objection:
    """The text's syntax tree; an objection for whatever the parser cannot take, bombs included."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        message = f"not Python: {sanitise_line(error.msg, 200)}"
        return Objection("syntax", message, path, max(error.lineno or 0, 0))
    except (RecursionError, MemoryError):
        return Objection("syntax", "an expression is nested too deeply to be read: split it up", path)
    except ValueError as error:
        return Objection("syntax", f"not Python: {sanitise_line(str(error), 200)}", path)


def lookalikes(path: str, text: str, tree: ast.Module) -> Iterator[Objection]:
    """Names that mix Latin letters with another alphabet's; Greek ones are honest mathematics."""
    for node in () if text.isascii() else ast.walk(tree):
        for name in _names(node):
            if not name.isascii() and _mixes_scripts(name):
                message = f"{_short(ascii(name))} mixes letters of two alphabets that look alike: rename it"
                yield Objection("encoding", message, path, getattr(node, "lineno", 0))


def _short(name: str) -> str:
    return sanitise_line(name, 80)


def _names(node: ast.AST) -> Iterator[str]:
    for field in ("id", "attr", "arg", "name", "asname"):
        name = getattr(node, field, None)
        if isinstance(name, str):
            yield name


def _mixes_scripts(name: str) -> bool:
    scripts = {unicodedata.name(letter, "?").split()[0] for letter in name if letter.isalpha()}
    return "LATIN" in scripts and not scripts <= {"LATIN", "GREEK"}


def same_program(before: str, tree: ast.Module) -> bool:
    """Whether a text differs from a tree in nothing but layout and comments."""
    old = parse("", before)
    return isinstance(old, ast.Module) and _same_nodes(old, tree)


def same_but_seeds(before: str, after: str) -> bool:
    """Whether two texts differ in nothing but seeds: what is assigned or passed to a name of a seed, and what
    seeds a generator. Lint: a seed by another name is for the repeats with the host's own to find out."""
    old, new = parse("", before), parse("", after)
    if not (isinstance(old, ast.Module) and isinstance(new, ast.Module)):
        return False
    for tree in (old, new):
        for node in ast.walk(tree):
            _blank_seeds(node)
    return _same_nodes(old, new)


def _blank_seeds(node: ast.AST) -> None:
    """Take out what gives a seed: in assignments, by keyword, and in calls that seed a generator."""
    blank = ast.Constant(0)
    for block in ("body", "orelse", "finalbody"):
        if isinstance(statements := getattr(node, block, None), list):
            setattr(node, block, [each for each in statements if not _only_seeds(each)])
    if isinstance(node, ast.keyword) and _SEED_NAME.fullmatch((node.arg or "").lower()):
        node.value = blank
    elif isinstance(node, ast.Call) and _last_name(node.func) in _SEEDERS:
        node.args = []


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


def _same_nodes(old: ast.AST, new: ast.AST) -> bool:
    pairs: list[tuple[object, object]] = [(old, new)]
    for left, right in pairs:  # which grows meanwhile: recursion would break on deep trees
        if type(left) is not type(right):
            return False
        if isinstance(left, list) and isinstance(right, list):
            if len(left) != len(right):
                return False
            pairs.extend(zip(left, right, strict=True))
        elif isinstance(left, ast.AST):
            fields = ((getattr(left, name, None), getattr(right, name, None)) for name in left._fields)
            pairs.extend(pair for pair in fields if pair[0] is not pair[1])
        elif left != right:
            return False
    return True


def forbidden_names(path: str, tree: ast.Module, edit: EditPolicy) -> Iterator[Objection]:
    """Imports and calls that the policy forbids, under whatever name the file imported them."""
    nodes = list(ast.walk(tree))
    meaning, own = _imported_names(nodes), _own_names(nodes)
    modules = re.compile("|".join(rf"{re.escape(name)}(?=\.|$)" for name in edit.forbidden_imports) or "(?!)")
    calls = re.compile("|".join(translate(name) for name in edit.forbidden_calls) or "(?!)")
    for node in nodes:
        if isinstance(node, ast.Call) and calls.match(called := _dotted(node.func, meaning, own)):
            yield Objection(
                "call", f"the policy forbids to call {_short(called)}: do without it", path, node.lineno
            )
        if isinstance(node, ast.Import | ast.ImportFrom):
            hit = next(filter(None, map(modules.match, _imported_modules(node))), None)
            if hit:
                message = f"the policy forbids to import {hit[0]}: do without it"
                yield Objection("import", message, path, node.lineno)


def _imported_modules(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif node.module and not node.level:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


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


def _dotted(function: ast.expr, meaning: Mapping[str, str], own: set[str]) -> str:
    """The dotted name that a call's function stands for, such as `os.system`; empty when it has none."""
    parts: list[str] = []
    while isinstance(function, ast.Attribute):
        parts.append(function.attr)
        function = function.value
    if not isinstance(function, ast.Name) or (function.id in own and function.id not in meaning):
        return ""
    name = ".".join([meaning.get(function.id, function.id), *reversed(parts)])
    return name.removeprefix("builtins.")


def entry_problems(tree: ast.Module, path: str, points: Mapping[str, int]) -> Iterator[Objection]:
    """Entry points that are missing, or that cannot be called with the right number of arguments."""
    bound = dict(_module_names(tree.body))
    for name, arguments in points.items():
        node = bound.get(name)
        wanted = f"{name} must be a function of {arguments} argument{'s' * (arguments != 1)}"
        if node is None:
            yield Objection("entry", f"{wanted}, at the top level of the file: it is missing", path)
        elif isinstance(node, ast.AsyncFunctionDef):
            yield Objection("entry", f"{wanted}: it is async, so nothing would run", path, node.lineno)
        elif isinstance(node, ast.FunctionDef) and not _takes(node.args, arguments):
            yield Objection("entry", f"{wanted}: it takes other ones", path, node.lineno)


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
