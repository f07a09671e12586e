"""Finds lines that read like orders to a language model in text that a candidate wrote.

It is an alarm, not a wall: whoever tries can word an order so that it is not found. What keeps such text from
doing harm is that it is shown as data and decides nothing.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from orchestrator.text import sanitise_block, sanitise_line

MOST_LINES = 100
LINE_CHARACTERS = 200
MOST_BYTES = 1 << 20

_LOOKALIKES = str.maketrans(  # Cyrillic and Greek letters, and the digit zero
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455"
    "\u0501\u04bb\u04cf\u03b1\u03bf\u03c1\u03b9\u03ba\u03bd\u03c5"
    "0",
    "aeopcyxijsdhlaopikvuo",
)
_FEW_WORDS = r"\W{1,8}(?:\w{1,30}\W{1,8}){0,5}?"
_MODEL = r"(?:ai|llm|language model|assistant|agent|researcher|chatbot|gpt)"
_TO = r"(?:must|should|shall|will|can|have to|need to|are to)"
_LINE = r"^[^\w\n]{0,8}"
_PATTERNS = [
    # orders to set the real ones aside
    (
        rf"\b(?:ignor\w{{0,5}}|disregard|forget|override|bypass|discard|drop|neglect){_FEW_WORDS}"
        r"(?:instruc\w{0,9}|anweisung\w{0,3}|prompts?|rules?|guidelines?|directions?|agenda|orders?|policy)\b"
    ),
    # new ones
    rf"\byou\s{{1,8}}{_TO}\s{{1,8}}(?:now|immediately|instead|only|always)\b",
    r"\byou\s{1,8}are\s{1,8}now\b|\bfrom now on\b|\bpretend\s{1,8}(?:to|you|that)\b",
    r"\bnew (?:instructions?|task|agenda|rules?)\b",
    (
        rf"\b(?:keep|accept|approve|mark|record|report|treat){_FEW_WORDS}"
        r"as (?:the )?(?:best|kept|keep|safe|trusted|success\w{0,4})\b"
    ),
    # words that speak to a model, or for somebody
    (
        r"\b(?:attention|dear|hey|hello|note (?:to|for)|message (?:to|for)|if you are)"
        rf"\W{{1,8}}(?:an?\s|the\s)?{_MODEL}\b"
    ),
    rf"{_LINE}(?:system|assistant|developer|human|user)\s{{0,4}}(?:message|prompt)?\s{{0,4}}[:>\]]",
    # what it should give away
    (
        rf"\b(?:reveal|print|repeat|show|send|leak|output|quote){_FEW_WORDS}"
        r"(?:prompts?|api[ _-]?keys?|secrets?|instructions|password)\b"
    ),
    # the marks of chat templates, of tool calls, and of our own delimiters and reply
    r"<\|[\w ]{1,40}\|>|\[/?inst\]|<</?sys>>",
    rf"{_LINE}#{{2,4}}\s{{0,4}}(?:instructions?|system|response|assistant|human)\b",
    (
        r"</?(?:\w{1,20}:)?(?:system|assistant|user|human|tool_?\w{0,20}|function_?\w{0,20}|invoke|parameter"
        r"|instructions?|think\w{0,4}|data)\b[^>\n]{0,100}>"
    ),
    r"[\"'](?:tool_calls?|tool_use|function_call|role)[\"']\s{0,4}:",
    (
        rf"{_LINE}(?:begin|end)\s{{1,4}}(?:of\s)?(?:file|results?|failure|refused|lessons|underway|data|source|log"
        r"|prompt|untrusted)\b"
    ),
    rf"{_LINE}(?:<{{5,9}}\s{{0,4}}search|>{{5,9}}\s{{0,4}}replace|title\s{{0,2}}:|hypothesis\s{{0,2}}:)",
]
_ORDER = re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS), re.MULTILINE)
_ANY_BREAK = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_NOT_LETTERS = re.compile(r"[^a-z\n]+")
_RUN_TOGETHER = re.compile(
    r"(?:ignore|disregard|forget)(?:all|any|the|my|your){0,4}(?:previous|prior|above|earlier|former)"
    r"|youmustnow|systemprompt"
)


def orders_in(text: str) -> tuple[str, ...]:
    """The lines that read like orders, made safe to show, each once and in order, at most MOST_LINES.

    Of a longer text the last MOST_BYTES are read. Hidden characters, look-alike letters and spaced-out words
    do not hide an order, nor does a line break in the middle of it: then its first line is given.
    """
    lines = sanitise_block(_ANY_BREAK.sub("\n", text), MOST_BYTES, keep="tail").split("\n")
    folded = [_folded(line) for line in lines]
    places = sorted({*_places(folded, _ORDER), *_places(_squeezed(folded), _RUN_TOGETHER)})
    return tuple(dict.fromkeys(sanitise_line(lines[place], LINE_CHARACTERS) for place in places))[:MOST_LINES]


def _folded(line: str) -> str:
    """Small Latin letters, as far as a reader would take them for such."""
    return unicodedata.normalize("NFKC", line).casefold().translate(_LOOKALIKES)


def _squeezed(lines: list[str]) -> list[str]:
    return [_NOT_LETTERS.sub("", line) for line in lines]


def _places(lines: list[str], pattern: re.Pattern[str]) -> Iterator[int]:
    """The numbers of the lines in which a match begins."""
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    for match in pattern.finditer("\n".join(lines)):
        yield bisect_right(starts, match.start()) - 1
