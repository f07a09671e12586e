"""YAML that a person wrote: its values, the line of each, and everything that is wrong with it.

Duplicate keys, aliases and tags beyond plain data are refused, since plain YAML overrides silently.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from orchestrator.errors import SetupError
from orchestrator.text import sanitise_line

Place = tuple[str | int, ...]
"""Where a value stands: the keys, and the indices of lists, that lead to it."""

EXAMPLE = "policies/default.yaml"
_LONGEST = 200
_MOST_CHARACTERS = 2**20


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a file. Line 0 is the whole file."""

    file: Path
    line: int
    key: str
    reason: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{where}: {self.key}: {self.reason}" if self.key else f"{where}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Document:
    """One file: its mapping, the line of each value, and its problems; what is wrong is left out."""

    values: dict[str, Any] = field(default_factory=dict)
    lines: Mapping[Place, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def read_yaml_mapping(path: Path, *, example: str = EXAMPLE) -> dict[str, Any]:
    """One YAML mapping from a file that the user wrote.

    Raises SetupError when the file is missing, is not YAML, or is not a mapping; `example` is a sound one.
    """
    document = read_document(path)
    if document.problems:
        raise SetupError(str(document.problems[0]), remedy=f"see {example}")
    return document.values


def read_document(path: Path) -> Document:
    """The file's mapping with its lines; never raises for what the file holds or lacks."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_MOST_CHARACTERS + 1)
    except FileNotFoundError:
        return _unreadable(path, "no such file")
    except (OSError, UnicodeDecodeError) as error:
        return _unreadable(path, f"cannot be read: {error}")
    if len(text) > _MOST_CHARACTERS:
        return _unreadable(path, f"is longer than {_MOST_CHARACTERS} characters")
    return _parsed(path, text)


def _parsed(path: Path, text: str) -> Document:
    try:
        loader = _PlainLoader(text)
        node = loader.get_single_node()
        reading = _Reading(loader)
        values = reading.value(node, ()) if node is not None else {}
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return _unreadable(path, f"the character {chr(error.character)!a} is not allowed", line)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        return _unreadable(
            path, getattr(error, "problem", None) or "is not YAML", mark.line + 1 if mark else 0
        )
    except RecursionError:
        return _unreadable(path, "is nested too deeply")
    if not isinstance(values, dict):
        return _unreadable(path, "is not a mapping of keys to values")
    problems = [Problem(path, line, key, said) for line, key, said in sorted(reading.problems)]
    return Document(values, reading.lines, tuple(problems))


def _unreadable(path: Path, problem: str, line: int = 0) -> Document:
    return Document(problems=(Problem(path, line, "", sanitise_line(problem, _LONGEST)),))


_ALIAS = "!an-alias"


class _PlainLoader(yaml.SafeLoader):
    """SafeLoader that never follows an alias: a node of its own kind stands there, to be told of."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if not self.check_event(yaml.AliasEvent):
            return super().compose_node(parent, index)
        event = self.get_event()  # type: ignore[no-untyped-call]  # not in stubs
        return yaml.ScalarNode(_ALIAS, "", event.start_mark, event.end_mark)


@dataclass(slots=True)
class _Reading:
    loader: _PlainLoader
    problems: list[tuple[int, str, str]] = field(default_factory=list)
    lines: dict[Place, int] = field(default_factory=dict)

    def value(self, node: yaml.Node, place: Place) -> Any:
        self.lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, place)
        kind = node.tag.rpartition(":")[2]
        if kind not in {"map", "seq"}:
            self._note(node, place, f"!!{sanitise_line(kind, 40)} is not allowed here")
            return None
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*place, index)) for index, item in enumerate(node.value)]
        return {key: self.value(item, (*place, key)) for key, item in self._pairs(node, place)}

    def _pairs(self, node: yaml.Node, place: Place) -> Iterator[tuple[str, yaml.Node]]:
        seen: set[str] = set()
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _ALIAS:
                self._note(key, place, "a key is one plain word")
            elif key.value in seen:
                self._note(key, place, f"the key {reprlib.repr(key.value)} stands twice")
            else:
                seen.add(key.value)
                self.lines[*place, key.value] = key.start_mark.line + 1
                yield key.value, item

    def _scalar(self, node: yaml.ScalarNode, place: Place) -> Any:
        if node.tag == _ALIAS:
            self._note(node, place, "an alias is not allowed here: write the value out")
            return None
        try:
            return self.loader.construct_object(node)
        except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError):
            kind = node.tag.rpartition(":")[2]
            shown = reprlib.repr(node.value)
            self._note(node, place, f"{shown} cannot be read as {sanitise_line(kind, 40)}")
            return None

    def _note(self, node: yaml.Node, place: Place, said: str) -> None:
        self.problems.append((node.start_mark.line + 1, dotted(place), said))


def dotted(place: Place) -> str:
    """The key as people write it, such as `budget.train_seconds`."""
    return sanitise_line(".".join(str(part) for part in place), _LONGEST)


def first_problem(error: ValidationError) -> str:
    """One line from pydantic's first complaint: the key, what is wrong, and what was given."""
    first = error.errors()[0]
    key = dotted(first["loc"]) or "the file"
    return f"{key}: {reason_of(first)}"


def reason_of(complaint: Mapping[str, Any]) -> str:
    """What one of pydantic's complaints says, and what was given."""
    if complaint["type"] == "extra_forbidden":
        return "is not a key of a policy"
    if complaint["type"] == "model_type" and complaint["input"] is None:
        return "has no keys under it: name some, or take the line out"
    message = str(complaint["msg"]).removeprefix("Value error, ")
    return f"{message[0].lower()}{message[1:]} (got {_shown(complaint['input']):.60})"


def _shown(value: object) -> str:
    """As in Python, but short, and soon: neither a nest of lists nor a long number is written out."""
    try:
        return reprlib.repr(value)
    except ValueError:
        return f"a number of {value.bit_length()} bits" if isinstance(value, int) else "a long number"
