"""A policy file with everything that it extends: the effective values, and where each came from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from orchestrator.errors import SetupError
from orchestrator.policy.keys import Key
from orchestrator.policy.reading import EXAMPLE, Place, Problem, dotted, read_document, reason_of
from orchestrator.policy.sections import Policy, Section


@dataclass(frozen=True, slots=True)
class Origin:
    """The file and line that set a value."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """What a policy file says, its parents' words included. There is a policy exactly without problems.

    `files` are the layers, the file itself first.
    """

    files: tuple[Path, ...]
    origins: Mapping[Place, Origin]
    problems: tuple[Problem, ...]
    policy: Policy | None = None

    def origin_of(self, place: Place) -> Origin | None:
        """Where a value was set, or the nearest one around it; None for a built-in default."""
        return next(
            (self.origins[place[:n]] for n in range(len(place), 0, -1) if place[:n] in self.origins), None
        )

    def sound(self) -> Policy:
        """The policy. Raises SetupError with the first problem."""
        if self.policy:
            return self.policy
        others = len(self.problems) - 1
        more = f" (and {others} more)" if others else ""
        remedy = f"'autoresearch policy check {self.files[0]}' lists all; every key is explained in {EXAMPLE}"
        raise SetupError(f"{self.problems[0]}{more}", remedy=remedy)


def load_policy(path: Path) -> Policy:
    """Read a policy file and everything it extends.

    Raises SetupError that names file, line, key and reason.
    """
    return read_policy(path).sound()


def read_policy(path: Path) -> PolicyFile:
    """Read a policy file and everything it extends, with every problem that it has."""
    layers = _read_layers(path, ())
    found = PolicyFile(layers.files, layers.origins, layers.problems)
    if not layers.values and layers.problems:
        return found
    try:
        policy = Policy.model_validate(layers.values)
    except ValidationError as error:
        complaints = [_problem(found, complaint) for complaint in error.errors()]
        return replace(found, problems=_in_order(layers, complaints))
    return found if layers.problems else replace(found, policy=policy)


def _in_order(layers: _Layers, complaints: list[Problem]) -> tuple[Problem, ...]:
    """By file and line; of what could not even be read, its emptiness is no second problem."""
    known = {(problem.file, problem.line, problem.key) for problem in layers.problems}
    new = [each for each in complaints if (each.file, each.line, each.key) not in known]
    every = [*layers.problems, *new]
    return tuple(sorted(every, key=lambda problem: (layers.files.index(problem.file), problem.line)))


@dataclass(frozen=True, slots=True)
class _Layers:
    files: tuple[Path, ...]
    values: dict[str, Any]
    origins: Mapping[Place, Origin]
    problems: tuple[Problem, ...]


def _read_layers(path: Path, seen: tuple[Path, ...]) -> _Layers:
    document = read_document(path)
    values, problems = dict(document.values), list(document.problems)
    parent, line = values.pop("extends", None), document.lines.get(("extends",), 0)
    own = {place: Origin(path, line) for place, line in document.lines.items() if place}
    if not document.values and not problems:
        problems.append(Problem(path, 0, "", "is empty: start it with 'extends: default.yaml'"))
    if parent is None:
        return _Layers((path,), values, own, tuple(problems))
    if problem := _unusable(path, parent, seen):
        problems.insert(0, Problem(path, line, "extends", problem))
        return _Layers((path,), values, own, tuple(problems))
    below = _read_layers(path.parent / parent, (*seen, path.resolve()))
    return _Layers(
        (path, *below.files),
        _overlay(below.values, values),
        {**below.origins, **own},
        (*problems, *below.problems),
    )


def _unusable(path: Path, parent: object, seen: tuple[Path, ...]) -> str:
    if not isinstance(parent, str) or not parent or not parent.isprintable():
        return "takes one file name"
    above = path.parent / parent
    if above.resolve() in (*seen, path.resolve()):
        return f"{parent} extends itself: remove the circle"
    return "" if os.path.lexists(above) else f"there is no {above}: the name counts from this file's folder"


def _overlay(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = _overlay(old, value) if both else value  # type: ignore[arg-type]
    return merged


def _problem(file: PolicyFile, complaint: Mapping[str, Any]) -> Problem:
    place: Place = complaint["loc"]
    origin = file.origin_of(place) or Origin(file.files[0], 0)
    reason = reason_of(complaint)
    if complaint["type"] == "extra_forbidden" and (meant := _meant(place)):
        reason += f"; did you mean {meant}?"
    return Problem(origin.file, origin.line, dotted(place) or "the file", reason)


def _meant(place: Place) -> str:
    """The section, or the key in some section, that was probably meant."""
    known = (
        list(Policy.model_fields) if len(place) == 1 else [dotted(key.place) for key in keys_of_a_policy()]
    )
    return next(iter(get_close_matches(dotted(place), known, n=1, cutoff=0.8)), "")


@dataclass(frozen=True, slots=True)
class PolicyKey:
    """One key of a policy: its section, its name, and what a change of it means."""

    section: str
    name: str
    key: Key

    @property
    def place(self) -> Place:
        return (self.section, self.name)

    def value_in(self, policy: Policy) -> Any:
        """The key's value in a policy."""
        return getattr(getattr(policy, self.section), self.name)


def keys_of_a_policy() -> Iterator[PolicyKey]:
    """Every key of every section, in the order of the models."""
    for section, outer in Policy.model_fields.items():
        kind = outer.annotation
        if not (isinstance(kind, type) and issubclass(kind, Section)):
            raise TypeError(f"{section} is not a section")
        for name, inner in kind.model_fields.items():
            (key,) = (each for each in inner.metadata if isinstance(each, Key))
            yield PolicyKey(section, name, key)
