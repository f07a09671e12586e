"""What a text hides from its reader: invisible characters, lookalikes, another encoding."""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Iterator

from orchestrator.lint.source import Source
from orchestrator.records import Objection
from orchestrator.text import sanitise_line

_UNUSUAL = re.compile(r"[^\n\t\x20-\x7e]")
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_INVISIBLE_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_EMOJI_STYLES = "\ufe0e\ufe0f"
_VARIATION = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_DECLARED = re.compile(r"(?:[^\n]*\n)?[ \t]*#[^\n]*?coding[:=][ \t]*([-\w.]+)")  # PEP 263
_UTF_8 = frozenset({"utf-8", "utf8", "utf_8"})

# Letters of other alphabets that are drawn exactly as Latin ones; other Greek ones are honest mathematics.
_TWINS = frozenset("аеорсухіјѕһԁԛԝАВЕКМНОРСТУХІЈЅԚԜοϲϳΑΒΕΖΗΙΚΜΝΟΡΤΥΧ")


def hidden_characters(path: str, text: str) -> Objection | None:
    """The first character that a reader cannot see, or that ends lines in another way than `\\n`."""
    for match in _UNUSUAL.finditer(text):
        character = match.group()
        if _is_hidden(character) or _hides_in_a_variation(text, match.start()):
            line = text.count("\n", 0, match.start()) + 1
            return Objection("encoding", _hidden_message(character), path, line)
    return None


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN_CATEGORIES or character in _INVISIBLE_LETTERS


def _hides_in_a_variation(text: str, at: int) -> bool:
    """Whether a variation selector stands there that is not an emoji's: rows of them can carry any data."""
    if not _VARIATION.match(text, at):
        return False
    before = text[at - 1 : at]
    return text[at] not in _EMOJI_STYLES or before in " \n\t" or bool(_VARIATION.match(before))


def _hidden_message(character: str) -> str:
    if character == "\r":
        return "lines end in a carriage return: end them with a newline alone"
    name = unicodedata.name(character, "a control character").lower()
    return f"U+{ord(character):04X} ({name}) cannot be seen by a reader: remove it"


def declared_encoding(path: str, text: str) -> Objection | None:
    """A first or second line that makes Python read the file in another encoding than the gate does."""
    found = _DECLARED.match(text)
    if not found or found[1].lower() in _UTF_8:
        return None
    line = text.count("\n", 0, found.start(1)) + 1
    message = f"the file declares to be {sanitise_line(found[1], 40)}: remove that, sources are UTF-8"
    return Objection("encoding", message, path, line)


def lookalikes(source: Source) -> Iterator[Objection]:
    """Names that mix Latin letters with another alphabet's, or consist of letters that look Latin."""
    if source.text.isascii():
        return
    for node in source.nodes:
        for name in _names(node):
            if not name.isascii() and (problem := _disguise(name)):
                shown = sanitise_line(ascii(name), 80)
                yield source.object_to(
                    "encoding", f"{shown} {problem}: rename it", getattr(node, "lineno", 0)
                )


def _names(node: ast.AST) -> Iterator[str]:
    for field in ("id", "attr", "arg", "name", "asname", "rest"):
        name = getattr(node, field, None)
        if isinstance(name, str):
            yield name
    if isinstance(node, ast.Global | ast.Nonlocal):
        yield from node.names
    elif isinstance(node, ast.MatchClass):
        yield from node.kwd_attrs


def _disguise(name: str) -> str:
    letters = [letter for letter in name if letter.isalpha()]
    scripts = {unicodedata.name(letter, "?").split()[0] for letter in letters}
    if "LATIN" in scripts and not scripts <= {"LATIN", "GREEK"}:
        return "mixes letters of two alphabets that look alike"
    foreign = {letter for letter in letters if not letter.isascii()}
    mixed = "LATIN" in scripts and not _TWINS.isdisjoint(foreign)
    return "looks like a Latin name and is none" if mixed or (foreign and foreign <= _TWINS) else ""
