"""Text of a conversation without its secrets."""

from __future__ import annotations

import re

HIDDEN = "[key]"
SHORTEST_KEY = 8
_MOST_BACKSLASHES = 8
_LOOKS_SECRET = re.compile(
    r"""\bsk-[\w-]{8,}
    | \bbearer\s+[\w.~+/=-]{8,}
    | \b(?:proxy-)?authorization["']?\s{0,8}[:=]\s{0,8}["']?(?:(?:bearer|basic)\s{1,8})?[^\s"',}]+
    | \b(?:x-)?api[-_]?key["']?\s{0,8}[:=]\s{0,8}["']?[^\s"',}]+""",
    re.VERBOSE | re.IGNORECASE,
)


def hide_key(text: str, key: str) -> str:
    """The text without the key, should the endpoint have put it there."""
    return text if len(key) < SHORTEST_KEY else text.replace(key, HIDDEN)


def hide_secrets(text: str, key: str) -> str:
    """The text as it may be recorded: also without the key in JSON's spellings, and without what looks like
    a key or follows a word such as Authorization. What is not Unicode becomes `?`."""
    plain = text.encode(errors="replace").decode()
    if len(key) >= SHORTEST_KEY:
        plain = re.sub("".join(map(_spellings, key)), HIDDEN, plain)
    return _LOOKS_SECRET.sub(HIDDEN, plain)


def _spellings(character: str) -> str:
    """The character itself, and as an escape of JSON, which may stand in other JSON."""
    escape = rf"\\{{1,{_MOST_BACKSLASHES}}}(?i:u{ord(character):04x})"
    return rf"(?:\\{{0,{_MOST_BACKSLASHES}}}{re.escape(character)}|{escape})"
