"""Every code that an objection may carry, and what it stands for. Codes are stable: records hold them."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "malformed": "the reply could not be turned into files",
    "path": "a file outside `edit.files`",
    "missing": "a file that the attempt needs is gone, or the entry file is empty",
    "size": "a file above `max_file_kib`, or all together above `max_total_kib`",
    "width": "a line above `max_line_characters`",
    "tokens": "more words and signs in all files together than `max_tokens`",
    "depth": "nested deeper than `max_depth`, or than the parser can follow",
    "encoding": "characters that cannot be seen or look like others, a declared encoding, carriage returns",
    "syntax": "not Python",
    "blob": "data where a program should be: encoded text, a huge literal, a long table of numbers",
    "number": "a power or shift of constants whose result would fill the memory",
    "scope": "a statement was touched that `scopes` leaves alone",
    "import": "a module that `forbidden_imports` names, or `allowed_imports` does not",
    "call": "a function that `forbidden_calls` names",
    "entry": "an entry point of the task is missing, or takes other arguments",
    "lines": "more lines changed in all files together than `max_changed_lines`",
    "unchanged": "nothing but layout and comments differs from the best",
    "seed": "nothing but a seed differs from the best",
    "duplicate": "the same files were tried before",
    "smoke": "the smoke test failed in its container",
}
