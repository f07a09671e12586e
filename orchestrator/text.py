"""Untrusted text made safe to show: in a terminal, a table, a commit message or a prompt."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

_TERMINAL_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_INVISIBLE_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_CUT = "[cut]"


def sanitise_line(text: str, limit: int) -> str:
    """One printable line of at most `limit` characters: no control, bidi or zero-width characters."""
    line = " ".join(_visible(_TERMINAL_SEQUENCE.sub("", text), kept="").split())
    return line if len(line) <= limit else line[: max(limit - 1, 0)].rstrip() + "…"[:limit]


def sanitise_block(text: str, limit_bytes: int, *, keep: Literal["head", "tail"] = "head") -> str:
    """The same for several lines: newlines and tabs stay; at most `limit_bytes` of UTF-8.

    What is too long keeps its head or its tail, with `[cut]` where the rest was.
    """
    lines = _TERMINAL_SEQUENCE.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    data = _visible(lines, kept="\n\t").encode()
    if len(data) <= limit_bytes:
        return data.decode()
    room = max(limit_bytes - len(_CUT) - 1, 0)
    if keep == "head":
        return f"{data[:room].decode(errors='ignore')}\n{_CUT}"
    return f"{_CUT}\n{data[len(data) - room :].decode(errors='ignore')}"


def _visible(text: str, *, kept: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return text.translate({ord(character): _shown(character, kept) for character in set(text)})


def _shown(character: str, kept: str) -> str:
    if character in kept:
        return character
    if character.isspace():
        return " "
    hidden = unicodedata.category(character) in _HIDDEN_CATEGORIES
    return "" if hidden or character in _INVISIBLE_LETTERS or _selects_variant(character) else character


def _selects_variant(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
