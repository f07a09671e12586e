"""What a change of a policy's key means: which way is tighter, and whether a run can go on with it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal


class Mark(StrEnum):
    """What a change does to a policy. Tighter allows less, spends less, or keeps less."""

    TIGHTER = "tighter"
    LOOSER = "looser"
    OTHER = "other"


Way = Literal["lower", "higher", "allowed", "allowed_if_any", "forbidden", "levels", "neither"]


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
        if self.tighter == "neither":
            return Mark.OTHER
        if self.tighter == "levels":
            return _by_size(self._level(before) - self._level(after))
        if self.tighter in {"lower", "higher"}:
            return _by_size(after - before if self.tighter == "lower" else before - after)
        old, new = frozenset(before), frozenset(after)
        if self.tighter == "forbidden":
            return _by_names(new, old)
        if self.tighter == "allowed_if_any" and not (old and new):
            return Mark.TIGHTER if new else Mark.LOOSER
        return _by_names(old, new)

    def _level(self, word: str) -> int:
        return next(place for place, words in enumerate(self.levels) if word in words.split("|"))


def _by_size(growth: float) -> Mark:
    if not growth:
        return Mark.OTHER
    return Mark.LOOSER if growth > 0 else Mark.TIGHTER


def _by_names(old: Collection[str], new: Collection[str]) -> Mark:
    """One name more is looser, whatever else went; another order alone is neither."""
    if set(new) - set(old):
        return Mark.LOOSER
    return Mark.TIGHTER if set(old) - set(new) else Mark.OTHER


LOWER = Key("lower")
HIGHER = Key("higher")
ALLOWED = Key("allowed")
ALLOWED_IF_ANY = Key("allowed_if_any")
FORBIDDEN = Key("forbidden")
NEITHER = Key("neither")


def levels(*words: str) -> Key:
    """The key's words from loose to tight."""
    return Key("levels", words)


def fixed(key: Key) -> Key:
    """The same, for a key that a run keeps to its end."""
    return replace(key, fixed=True)
