"""What is told of a failure: which kind it was, and the end of its traceback. Never the log as it came."""

from __future__ import annotations

import re
from collections.abc import Sequence

from orchestrator.orders import orders_in
from orchestrator.text import sanitise_block, sanitise_line

FRAMES = 4
LINE_CHARACTERS = 160
ERROR_CHARACTERS = 400
REASON_CHARACTERS = 400
TRACE_BYTES = 2000
_READ_BYTES = 65_536
_LEFT_OUT = "[a line was left out: it reads like an order]"

_PLACE = re.compile(r'  File "[^"\n]{1,200}", line \d{1,7}(?:, in \S{1,100})?$')
_ERROR = re.compile(
    r"(?:[A-Za-z_]\w{0,60}\.){0,8}[A-Z]\w{0,60}"
    r"(?:Error|Exception|Interrupt|Exit|Failure|Timeout|Iteration)(?:: .*)?$"
)
_WORDS_OF_A_CONTAINER = re.compile(
    r"(?P<ours>(?:.*\b)?(?:crashed|the smoke test failed): )(?P<theirs>.*?)(?P<code>\s\[smoke\])?$"
)
_OUR_ENDINGS = re.compile(
    r"killed for using too much memory \(exit code -?\d+\)"
    r"|killed \(exit code 137\): for using too much memory, or from outside"
    r"|two tiny steps took longer than [\d.e+]+ seconds"
    r"|exit code -?\d+"
)


def trace_of(log: str) -> str:
    """The last FRAMES places of the last traceback and its error line; empty when the log has neither.

    Only lines of that form come through: no progress, no other output, and none that reads like an order.
    """
    lines = sanitise_block(log, _READ_BYTES, keep="tail").split("\n")
    errors = [place for place, line in enumerate(lines) if _ERROR.match(line)]
    traces = [(places, lines[error]) for error in errors if (places := _places_before(lines, error))]
    places, error_line = traces[-1] if traces else ([], lines[errors[-1]] if errors else "")
    shown = [sanitise_end(line, LINE_CHARACTERS) for line in places]
    return "\n".join(map(_harmless, [*shown, sanitise_line(error_line, ERROR_CHARACTERS)])).strip("\n")


def trace_lines(log: str) -> list[str]:
    """The same under a heading of its own; no line when there is nothing."""
    trace = sanitise_block(trace_of(log), TRACE_BYTES, keep="tail")
    return ["the end of its traceback:", trace] if trace else []


def _places_before(lines: Sequence[str], error: int) -> list[str]:
    """Places and the source lines under them, directly above an error line, at most FRAMES of them."""
    start = error
    while start > 0 and lines[start - 1].startswith("  "):
        start -= 1
    places = [n for n in range(start, error) if _PLACE.match(lines[n])][-FRAMES:]
    found: list[str] = []
    for place in places:
        found.append(lines[place])
        source = lines[place + 1] if place + 1 < error else ""
        if source.startswith("    ") and source.strip("~^ ") and not _PLACE.match(source):
            found.append(source)
    return found


def sanitise_end(line: str, limit: int) -> str:
    """The line with its indentation, safe to show and cut at its end."""
    bare = line.lstrip(" \t")
    return line[: len(line) - len(bare)].replace("\t", "    ")[:40] + sanitise_line(bare, limit)


def _harmless(line: str) -> str:
    return _LEFT_OUT if orders_in(line) else line


def reason_of(reason: str) -> str:
    """A recorded reason without the words of a container, which come as an error line or not at all."""
    said = _WORDS_OF_A_CONTAINER.match(sanitise_line(reason, 2000))
    if not said:
        return sanitise_line(reason, REASON_CHARACTERS)
    ending = _OUR_ENDINGS.match(said["theirs"])
    theirs = ending[0] if ending else said["theirs"] if _ERROR.match(said["theirs"]) else "an error"
    return sanitise_line(f"{said['ours']}{_harmless(theirs)}{said['code'] or ''}", REASON_CHARACTERS)
