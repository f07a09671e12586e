"""What a change of a policy's key means: which way is tighter, and whether a run can go on with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal


class Mark(StrEnum):
    """What a change does to a policy. Tighter allows less, spends less, or keeps less."""

    TIGHTER = "tighter"
    LOOSER = "looser"
    OTHER = "other"


Way = Literal[
    "lower", "higher", "paths", "allowed_if_any", "forbidden", "scopes", "prices", "levels", "neither"
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Key:
    """Stands beside a key of a section. `levels` are its words from loose to tight, equals joined by a bar.

    `fixed`: numbers from before and after a change would not compare, so a run keeps its value to the end.
    """

    tighter: Way
    levels: tuple[str, ...] = ()
    fixed: bool = False

    def mark(self, before: Any, after: Any) -> Mark:
        """What the change from `before` to `after`, which differ, does."""
        if self.tighter in {"levels", "lower", "higher"}:
            return _by_size(self._growth(before, after))
        return _MARKS[self.tighter](before, after)

    def _growth(self, before: Any, after: Any) -> float:
        """How much more the new value allows."""
        if self.tighter == "levels":
            return self._level(before) - self._level(after)
        return float(after - before if self.tighter == "lower" else before - after)

    def _level(self, word: str) -> int:
        return next(place for place, words in enumerate(self.levels) if word in words.split("|"))


def _by_size(growth: float) -> Mark:
    if not growth:
        return Mark.OTHER
    return Mark.LOOSER if growth > 0 else Mark.TIGHTER


def _by_scopes(old: Mapping[str, Collection[str]], new: Mapping[str, Collection[str]]) -> Mark:
    """A file without a scope may change wherever it likes."""
    wider = any(path not in new or set(new[path]) - set(names) for path, names in old.items())
    return Mark.LOOSER if wider else Mark.TIGHTER


def _by_paths(old: Collection[str], new: Collection[str]) -> Mark:
    """A file in a folder that was allowed whole is no more than before."""
    if not all(_is_within(path, old) for path in new):
        return Mark.LOOSER
    return Mark.OTHER if all(_is_within(path, new) for path in old) else Mark.TIGHTER


def _is_within(path: str, allowed: Collection[str]) -> bool:
    return path in allowed or path.startswith(tuple(name for name in allowed if name.endswith("/")))


def _by_prices(old: Mapping[str, Any], new: Mapping[str, Any]) -> Mark:
    """A cap in dollars counts at these: what has no price, or a lower one, may spend more."""
    if any(name not in new or _is_cheaper(new[name], price) for name, price in old.items()):
        return Mark.LOOSER
    return Mark.TIGHTER


def _is_cheaper(price: Any, before: Any) -> bool:
    """A price of cached tokens that is not named is that of all input."""
    now, then = (
        (each.input, each.output, each.input if each.cached is None else each.cached)
        for each in (price, before)
    )
    return any(mine < theirs for mine, theirs in zip(now, then, strict=True))


def _by_names(old: Collection[str], new: Collection[str]) -> Mark:
    """One name more is looser, whatever else went; another order alone is neither."""
    if set(new) - set(old):
        return Mark.LOOSER
    return Mark.TIGHTER if set(old) - set(new) else Mark.OTHER


def _by_names_if_any(old: Collection[str], new: Collection[str]) -> Mark:
    """No name at all is every name."""
    if not (old and new):
        return Mark.TIGHTER if new else Mark.LOOSER
    return _by_names(frozenset(old), frozenset(new))


_MARKS: Mapping[str, Callable[[Any, Any], Mark]] = {
    "paths": _by_paths,
    "allowed_if_any": _by_names_if_any,
    "forbidden": lambda old, new: _by_names(frozenset(new), frozenset(old)),
    "scopes": _by_scopes,
    "prices": _by_prices,
    "neither": lambda _, __: Mark.OTHER,
}

LOWER = Key("lower")
HIGHER = Key("higher")
PATHS = Key("paths")
PRICES = Key("prices")
ALLOWED_IF_ANY = Key("allowed_if_any")
FORBIDDEN = Key("forbidden")
SCOPES = Key("scopes")
NEITHER = Key("neither")


def levels(*words: str) -> Key:
    """The key's words from loose to tight."""
    return Key("levels", words)


def fixed(key: Key) -> Key:
    """The same, for a key that a run keeps to its end."""
    return replace(key, fixed=True)
