"""What a change touches, line by line: fast enough to look at thousands of attempts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from orchestrator.records import Entry, Files, History


@dataclass(frozen=True, slots=True)
class Change:
    """The lines that went and the lines that came, each in its order; what only moved is in neither."""

    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.removed or self.added)


NO_CHANGE = Change()


def change_between(before: Files, after: Files) -> Change:
    """What turns `before` into `after`, all files together."""
    removed: list[str] = []
    added: list[str] = []
    for path in sorted(before.keys() | after.keys()):
        old, new = _middles(before.get(path, ""), after.get(path, ""))
        removed += _without(old, new)
        added += _without(new, old)
    return Change(tuple(removed), tuple(added))


def change_of(history: History, soon: Iterable[Entry] = ()) -> Callable[[Entry], Change]:
    """A function that gives what an attempt of this history changed in its base; the baseline, nothing.

    The number 0 stands for the task's own files, which are the first attempt's. `soon` are attempts that it
    will be asked about.
    """
    history.gather(soon)
    by_number = {entry.number: entry for entry in history.entries}
    first = history.entries[0] if history.entries else None

    def change(entry: Entry) -> Change:
        base = by_number.get(entry.base, first)
        return NO_CHANGE if base is None or base is entry else change_between(base.files, entry.files)

    return change


def _middles(before: str, after: str) -> tuple[list[str], list[str]]:
    """The lines of both texts that are left when equal ones at their heads and tails are taken off."""
    head = _shared(min(len(before), len(after)), lambda n: after.startswith(before[:n]))
    head = before.rfind("\n", 0, head) + 1
    room = min(len(before), len(after)) - head
    tail = _shared(room, lambda n: after.endswith(before[len(before) - n :]))
    cut = before.find("\n", len(before) - tail) + 1 if tail else 0
    tail = len(before) - cut if cut else 0
    return before[head : len(before) - tail].split("\n"), after[head : len(after) - tail].split("\n")


def _shared(most: int, holds: Callable[[int], bool]) -> int:
    """The largest n up to `most` that holds, by halving: what holds for n holds for less."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if holds(middle):
            low = middle
        else:
            high = middle - 1
    return low


def _without(lines: Sequence[str], others: Sequence[str]) -> list[str]:
    left = Counter(map(str.rstrip, others))
    found = []
    for line in map(str.rstrip, lines):
        if left[line]:
            left[line] -= 1
        elif line:
            found.append(line)
    return found
