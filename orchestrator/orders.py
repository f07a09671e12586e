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

_LOOKALIKES = str.maketrans("аеорсухіјѕԁһӏαορικνυ0", "aeopcyxijsdhlaopikvuo")
_FEW_WORDS = r"\W{1,8}(?:\w{1,30}\W{1,8}){0,5}?"
_MODEL = r"(?:ai|llm|language model|assistant|agent|researcher|chatbot|gpt)"
_PATTERNS = [
    rf"\b(?:ignor\w{{0,5}}|disregard|forget|override|bypass|discard|drop|neglect){_FEW_WORDS}"
    r"(?:instruc\w{0,9}|anweisung\w{0,3}|prompts?|rules?|guidelines?|directions?|agenda|orders?|policy)\b",
    r"^[^\w\n]{0,8}(?:system|assistant|developer|human|user)\s{0,4}(?:message|prompt)?\s{0,4}[:>\]]",
    r"\byou\s{1,8}(?:must|should|shall|will|can|have to|need to|are to)\s{1,8}(?:now|immediately|instead|only|always)\b",
    r"\byou\s{1,8}are\s{1,8}now\b|\bfrom now on\b|\bnew (?:instructions?|task|agenda|rules?)\b|\bpretend\s{1,8}(?:to|you|that)\b",
    rf"\b(?:attention|dear|hey|hello|note (?:to|for)|message (?:to|for)|if you are)\W{{1,8}}(?:an?\s|the\s)?{_MODEL}\b",
    rf"\b(?:reveal|print|repeat|show|send|leak|output|quote){_FEW_WORDS}(?:prompts?|api[ _-]?keys?|secrets?|instructions|password)\b",
    r"<\|[\w ]{1,40}\|>|\[/?inst\]|<</?sys>>|^[^\w\n]{0,4}#{2,4}\s{0,4}(?:instructions?|system|response|assistant|human)\b",
    r"</?(?:\w{1,20}:)?(?:system|assistant|user|human|tool_?\w{0,20}|function_?\w{0,20}|invoke|parameter|instructions?|think\w{0,4}|data)\b[^>\n]{0,100}>",
    r"[\"'](?:tool_calls?|tool_use|function_call|role)[\"']\s{0,4}:",
    r"^[^\w\n]{0,4}(?:begin|end)\s{1,4}(?:of\s)?(?:file|results?|failure|lessons|underway|mend|data|source|log|prompt|untrusted)\b",
    r"^[^\w\n]{0,4}(?:<{5,9}\s{0,4}search|>{5,9}\s{0,4}replace|title\s{0,2}:|hypothesis\s{0,2}:)",
    rf"\b(?:keep|accept|approve|mark|record|report|treat){_FEW_WORDS}(?:as (?:the )?(?:best|kept|keep|safe|trusted|success\w{{0,4}}))\b",
]
_ORDER = re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS), re.MULTILINE)
_NOT_LETTERS = re.compile(r"[^a-z\n]+")
_RUN_TOGETHER = re.compile(
    r"(?:ignore|disregard|forget)(?:all|any|the|my|your)*(?:previous|prior|above|earlier|former)|youmustnow|systemprompt"
)


def orders_in(text: str) -> tuple[str, ...]:
    """The lines that read like orders, made safe to show, each once and in order, at most MOST_LINES.

    Of a longer text the last MOST_BYTES are read. Hidden characters, look-alike letters and spaced-out words
    do not hide an order, nor does a line break in the middle of it: then its first line is given.
    """
    lines = sanitise_block(text, MOST_BYTES, keep="tail").split("\n")
    folded = [_folded(line) for line in lines]
    places = sorted({*_places(folded, _ORDER), *_places(_squeezed(folded), _RUN_TOGETHER)})
    return tuple(dict.fromkeys(sanitise_line(lines[place], LINE_CHARACTERS) for place in places))[:MOST_LINES]


def _folded(line: str) -> str:
    """Small Latin letters, as far as a reader would take them for such."""
    return unicodedata.normalize("NFKC", line).casefold().translate(_LOOKALIKES).replace("\n", " ")


def _squeezed(lines: list[str]) -> list[str]:
    return [_NOT_LETTERS.sub("", line) for line in lines]


def _places(lines: list[str], pattern: re.Pattern[str]) -> Iterator[int]:
    """The numbers of the lines in which a match begins."""
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    for match in pattern.finditer("\n".join(lines)):
        yield bisect_right(starts, match.start()) - 1
