"""One source text with its syntax tree, and how a text becomes one."""

from __future__ import annotations

import ast
import re
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from orchestrator.policy import EditPolicy
from orchestrator.records import Objection
from orchestrator.text import sanitise_line

_TOO_DEEP = "an expression is nested too deeply to be read: split it up"
_LEXEME = re.compile(
    r"""
      (?P<comment> \#[^\n]*+ )
    | (?P<string>  \"{3} (?: [^"\\]++ | \\. | "(?!"") )*+ (?:\"{3})?+
                 | '{3}  (?: [^'\\]++ | \\. | '(?!'') )*+ (?:'{3})?+
                 | "     (?: [^"\\\n]++ | \\. )*+ "?+
                 | '     (?: [^'\\\n]++ | \\. )*+ '?+ )
    | (?P<word>    \w++ )
    | (?P<open>    [(\[{] )
    | (?P<close>   [)\]}] )
    | (?P<sign>    [^\s\w] )
    """,
    re.VERBOSE | re.DOTALL,
)
Lexeme = re.Match[str]  # a comment, string, word, bracket or sign: `lastgroup` says which

_INDENT = re.compile(r"^[ \t]+(?=[^\s#])", re.MULTILINE)
_WARNINGS = threading.Lock()  # catch_warnings changes what the whole process does with warnings


@dataclass(frozen=True)
class Source:
    """A text as the gate reads it. `tree` stands for the text without layout and comments."""

    path: str
    text: str
    tree: ast.Module
    lexemes: tuple[Lexeme, ...]

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        return tuple(ast.walk(self.tree))

    def line_at(self, start: int) -> int:
        return self.text.count("\n", 0, start) + 1

    def object_to(self, code: str, message: str, line: int = 0) -> Objection:
        return Objection(code, message, self.path, line)


def read_source(path: str, text: str, edit: EditPolicy, most_tokens: int) -> Source | Objection:
    """The text with its tree; an objection for whatever the parser cannot or should not take.

    What is bounded here beforehand bounds the parser's time and memory too: it is quadratic in the length of
    one f-string, and needs up to 2 KiB for each word or sign.
    """
    lexemes = tuple(islice(read_lexemes(text), most_tokens + 1))
    if count_tokens(lexemes) > most_tokens:
        message = f"more than {edit.max_tokens} words and signs in all files together: shorten them"
        return Objection("tokens", message, path)
    if hurdle := next(_hurdles(path, text, lexemes, edit), None):
        return hurdle
    tree = parse(path, text)
    return tree if isinstance(tree, Objection) else Source(path, text, tree, lexemes)


def read_lexemes(text: str) -> Iterator[Lexeme]:
    """The text's lexemes, in linear time; exact for what is Python, and for anything else it ends too."""
    return _LEXEME.finditer(text)


def count_tokens(lexemes: tuple[Lexeme, ...]) -> int:
    """Words, signs, strings, comments, and what an f-string would interpolate."""
    return len(lexemes) + sum(lexeme[0].count("{") for lexeme in lexemes if lexeme.lastgroup == "string")


def _hurdles(path: str, text: str, lexemes: tuple[Lexeme, ...], edit: EditPolicy) -> Iterator[Objection]:
    yield from _long_line(path, text, edit.max_line_characters)
    for lexeme in lexemes:
        if lexeme.lastgroup == "string" and len(lexeme[0]) > edit.max_string_characters:
            size = f"a literal of {len(lexeme[0])} characters, more than {edit.max_string_characters}"
            line = text.count("\n", 0, lexeme.start()) + 1
            yield Objection("blob", f"{size}: data does not belong into the program", path, line)
    start = _too_deep(lexemes, edit.max_depth)
    if start is not None:
        line = text.count("\n", 0, start) + 1
        yield Objection("depth", f"brackets more than {edit.max_depth} deep: split it up", path, line)
    steps = {match.group().expandtabs(8): match.start() for match in _INDENT.finditer(text)}
    if len(steps) > edit.max_depth:
        deepest = max(steps, key=len)
        line = text.count("\n", 0, steps[deepest]) + 1
        yield Objection("depth", f"indented in more than {edit.max_depth} steps: flatten it", path, line)


def _long_line(path: str, text: str, most: int) -> Iterator[Objection]:
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > most:
            yield Objection(
                "width", f"{len(line)} characters in a line, more than {most}: wrap it", path, number
            )


def _too_deep(lexemes: tuple[Lexeme, ...], most: int) -> int | None:
    depth = 0
    for lexeme in lexemes:
        if lexeme.lastgroup == "open":
            depth += 1
            if depth > most:
                return lexeme.start()
        elif lexeme.lastgroup == "close":
            depth = max(0, depth - 1)
    return None


def parse(path: str, text: str) -> ast.Module | Objection:
    """The text's syntax tree, or why there is none."""
    try:
        with _WARNINGS, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        message = f"not Python: {sanitise_line(error.msg, 200)}"
        return Objection("syntax", message, path, max(error.lineno or 0, 0))
    except (RecursionError, MemoryError):
        return Objection("depth", _TOO_DEEP, path)
    except ValueError as error:
        return Objection("syntax", f"not Python: {sanitise_line(str(error), 200)}", path)
