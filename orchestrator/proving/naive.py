"""Records that trust what they are given: the controls of programs whose texts attack the host.

Each form is written as a careless host would write it. That the attack shows there, and not in our own
records, is what such a program proves.
"""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

from orchestrator.proving.program import Program


def believe(form: str, program: Program) -> tuple[bool, str]:
    """Whether the program's texts break a record of this form, and how. Raises KeyError for no form."""
    harm = str(_FORMS[form](program) or "")
    return bool(harm), harm or f"a naive {form} came to no harm"


def _title(program: Program) -> str:
    return program.texts.get("title", "")


def _printed(program: Program) -> str:
    return _title(program) + program.source.encode().decode("unicode_escape", "replace")


def _terminal(program: Program) -> str:
    text = _printed(program)
    return f"{text.count(chr(27))} escapes reach the terminal" if "\x1b" in text or "\x9b" in text else ""


def _table(program: Program) -> str:
    row = f"abc1234\t9.000000\t0.0\tdiscard\t{_title(program)}"
    cells = [len(line.split("\t")) for line in row.splitlines()]
    return f"{len(cells)} rows of {cells} cells" if cells != [5] else ""


def _formula(program: Program) -> str:
    return f"a cell begins {_title(program)[:8]!r}" if _title(program)[:1] in "=+-@" else ""


def _commit(program: Program) -> str:
    trailers = [line for line in _title(program).splitlines()[1:] if ": " in line]
    return f"forged trailers: {trailers}" if trailers else ""


def _path(program: Program) -> str:
    path = program.texts.get("path", "")
    plain = os.path.normpath(os.path.join("/runs/tag/files", path))  # noqa: PTH118 - naive on purpose
    return f"writes {plain}" if (path and plain != f"/runs/tag/files/{path}") or _odd(path) else ""


def _odd(path: str) -> bool:
    folded = path.casefold()
    return ".git" in folded or not path.isprintable() or path.startswith("-") or folded != path


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.append(f"<{tag} {dict(attrs)}>" if attrs else f"<{tag}>")


def elements_of(page: str) -> list[str]:
    """The elements that a page's text opens, with their attributes."""
    parser = _Elements()
    parser.feed(page)
    return parser.seen


def _page(program: Program) -> str:
    opened = elements_of(f"<p>{_title(program)}</p>")[1:]
    return f"the page opens {opened[0]}" if opened else ""


def _prompt(program: Program) -> str:
    prompt = f"The last attempts:\n{_title(program)}\nNow propose the next."
    orders = [line for line in prompt.splitlines()[2:-1] if line.strip()]
    return f"stands as a line of its own: {orders[0][:60]!r}" if orders else ""


def _reading(program: Program) -> str:
    foreign = sorted({character for character in program.source + _title(program) if ord(character) > 126})
    return f"{foreign[:3]!a} are not seen, or taken for others" if foreign else ""


def _journal(program: Program) -> str:
    forged = [line for line in _printed(program).splitlines() if '"event"' in line or "keep:" in line]
    return f"a shared log shows a line of the loop's own kind: {forged[0].strip()[:60]}" if forged else ""


def _length(program: Program) -> str:
    return f"a row of {len(_title(program))} characters" if len(_title(program)) > 1000 else ""


def _encoding(program: Program) -> str:
    try:
        _title(program).encode()
    except UnicodeEncodeError as error:
        return f"writing it down raises {type(error).__name__}"
    return ""


_FORMS: Mapping[str, Any] = {
    "terminal": _terminal,
    "table": _table,
    "formula": _formula,
    "commit": _commit,
    "path": _path,
    "page": _page,
    "prompt": _prompt,
    "reading": _reading,
    "journal": _journal,
    "length": _length,
    "encoding": _encoding,
}
