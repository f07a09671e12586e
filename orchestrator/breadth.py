"""How widely a night has looked: kinds of change, near misses, what could be combined. Pure functions."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import combinations as pairs_of
from itertools import islice, takewhile

from orchestrator.changes import Change, change_of
from orchestrator.records import Action, Direction, Entry, Files, History

KINDS = (
    "architecture",
    "optimizer",
    "schedule",
    "data",
    "regularisation",
    "efficiency",
    "initialisation",
    "other",
)
OTHER = "other"
GUESSED_ATTEMPTS = 200
PARTNERS = 8
LATER_ATTEMPTS = 200
EXAMINED_PAIRS = 20

_SPELT_SO = {"regularization": "regularisation", "initialization": "initialisation", "optimiser": "optimizer"}
_NAMES = {
    "schedule": "warmup cooldown schedule scheduler final_rate anneal cosine decay_steps rate_share progress",
    "optimizer": "muon adam adamw sgd lion momentum beta1 beta2 betas rate lr optimizer optimizers "
    "nesterov orthogonalise newton_schulz preconditioner eps",
    "data": "batch batch_rows batches accumulation rows sequence stream shuffle dataset curriculum packing",
    "regularisation": "dropout weight_decay label_smoothing softcap clip clip_grad_norm grad_clip "
    "noise ema penalty",
    "efficiency": "compile autocast bfloat16 bf16 float16 fused flash matmul precision cuda memory "
    "checkpoint foreach",
    "initialisation": "init normal_ zeros_ uniform_ orthogonal_ trunc_normal_ start_small std gain bound",
    "architecture": "depth width heads head_channels mlp mlp_ratio attention block blocks embed embedding "
    "linear norm rms_norm rotary rotations gate gated relu gelu swiglu silu residual skip conv kv window "
    "layer layers query key value",
}
_KIND_OF_NAME = {name: kind for kind, names in _NAMES.items() for name in names.split()}
_WORD = re.compile(r"[A-Za-z_]\w*")


def kind_named(said: str) -> str | None:
    """The kind that a proposer's own word stands for; None where it stands for none."""
    word = said.strip().casefold()
    word = _SPELT_SO.get(word, word)
    return word if word in KINDS else None


def kind_guessed(change: Change) -> str:
    """The kind that most names in the changed lines speak of, the first of KINDS in a tie; else `other`."""
    words = [word.casefold() for line in (*change.removed, *change.added) for word in _WORD.findall(line)]
    votes = Counter(kind for word in words for kind in _kinds_of_word(word))
    return max(KINDS, key=lambda kind: votes[kind]) if votes else OTHER


def _kinds_of_word(word: str) -> Iterator[str]:
    """By the whole name, else by each of its parts: `muon_rate` speaks twice for the optimizer."""
    if word in _KIND_OF_NAME:
        yield _KIND_OF_NAME[word]
    else:
        yield from (_KIND_OF_NAME[part] for part in word.split("_") if part in _KIND_OF_NAME)


def kinds_tried(history: History) -> Mapping[str, int]:
    """How many attempts there were of each kind, the baseline aside, and what moved on counted once.

    A missing kind is guessed from what the attempt changed, in the newest GUESSED_ATTEMPTS; older ones
    without a kind count as `other`.
    """
    tried = [entry for entry in history.entries[1:] if not entry.moved_on]
    guessable = {entry.number: entry for entry in tried[-GUESSED_ATTEMPTS:] if _is_unsaid(entry)}
    change, counts = change_of(history, guessable.values()), dict.fromkeys(KINDS, 0)
    for entry in tried:
        guess = kind_guessed(change(entry)) if entry.number in guessable else OTHER
        counts[kind_named(entry.kind) or guess] += 1
    return counts


def _is_unsaid(entry: Entry) -> bool:
    return kind_named(entry.kind) is None


def least_tried(counts: Mapping[str, int], most: int = 3) -> tuple[str, ...]:
    """The kinds, `other` aside, that were tried least, the least tried first."""
    return tuple(sorted((kind for kind in KINDS if kind != OTHER), key=lambda kind: counts[kind])[:most])


def attempts_since_keep(history: History) -> int:
    """How many attempts in a row were run and not kept."""
    since = takewhile(lambda entry: entry.action is not Action.KEEP, reversed(history.entries))
    return sum(entry.status != "refused" and not entry.moved_on for entry in since)


def near_misses(history: History, direction: Direction = Direction.MINIMIZE) -> tuple[Entry, ...]:
    """The discarded attempts that lie within the noise of the best of their time, or are better than it.

    The most promising first. None while the noise is not known.
    """
    if history.noise is None:
        return ()
    behind = [
        (away, entry)
        for entry, away in _behind_the_best(history.entries, direction)
        if away <= history.noise and entry.action is Action.DISCARD
    ]
    return tuple(entry for _, entry in sorted(behind, key=lambda each: each[0]))


def _behind_the_best(entries: Sequence[Entry], direction: Direction) -> Iterator[tuple[Entry, float]]:
    """Each scored attempt after the baseline, and by how much it was worse than the best of its time."""
    best: float | None = None
    for entry in entries:
        if entry.value is None:
            continue
        loss = direction.loss(entry.value)
        if best is not None:
            yield entry, loss - best
        if entry.action is Action.KEEP:
            best = loss


@dataclass(frozen=True, slots=True)
class Pair:
    """Two attempts that each bettered the base that they share, and by how much, in the metric's unit."""

    first: int
    second: int
    base: int
    first_gain: float
    second_gain: float

    @property
    def gain(self) -> float:
        return self.first_gain + self.second_gain


def combinations(
    history: History, direction: Direction = Direction.MINIMIZE, *, most: int = 3
) -> tuple[Pair, ...]:
    """Pairs worth a try together, the largest gain in sum first, at most `most`.

    Both bettered their common base, at most one of them is in the best, their changes touch different lines,
    and neither the best nor one of the LATER_ATTEMPTS after them holds both changes. Of all pairs the
    EXAMINED_PAIRS that gained most are looked at.
    """
    found = nlargest(EXAMINED_PAIRS, _pairs(history, direction), key=lambda pair: pair.gain)
    check = _Untried(history, found)
    return tuple(islice((pair for pair in found if check.allows(pair)), most))


def _pairs(history: History, direction: Direction) -> Iterator[Pair]:
    """By base, of the PARTNERS that gained most there."""
    by_number = {entry.number: entry for entry in history.entries}
    better: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for entry in history.entries:
        base = by_number.get(entry.base)
        if base is not None and base.value is not None and entry.value is not None:
            gain = direction.loss(base.value) - direction.loss(entry.value)
            if gain > 0 and entry.action in {Action.KEEP, Action.DISCARD}:
                better[base.number].append((gain, entry.number))
    for base_number, gains in better.items():
        most = sorted(nlargest(PARTNERS, gains), key=_number)
        for (gain, number), (other_gain, other) in pairs_of(most, 2):
            yield Pair(number, other, base_number, gain, other_gain)


def _number(gained: tuple[float, int]) -> int:
    return gained[1]


class _Untried:
    """Knows what each attempt changed, and whether a pair is new."""

    def __init__(self, history: History, pairs: Iterable[Pair]) -> None:
        self._by_number = {entry.number: entry for entry in history.entries}
        looked_at = {number for pair in pairs for number in (pair.first, pair.second)}
        self._change = change_of(history, [self._by_number[number] for number in sorted(looked_at)])
        self._numbers = sorted(self._by_number)
        self._best = _joined(history.best_files)

    def allows(self, pair: Pair) -> bool:
        first, second = (self._change(self._by_number[number]) for number in (pair.first, pair.second))
        apart = first and second and not (Counter(first.removed) & Counter(second.removed))
        if not apart or (_is_in(first, self._best) and _is_in(second, self._best)):
            return False
        after = bisect_right(self._numbers, max(pair.first, pair.second))
        later = (self._by_number[number] for number in self._numbers[after : after + LATER_ATTEMPTS])
        texts = (_joined(entry.files) for entry in later)
        return not any(_is_in(first, text) and _is_in(second, text) for text in texts)


def _joined(files: Files) -> str:
    return "\n".join(["", *files.values(), ""])


def _is_in(change: Change, text: str) -> bool:
    """Whether a source has the change: what came is there, or else what went is gone."""
    if change.added:
        return all(f"\n{line}\n" in text for line in change.added)
    return not any(f"\n{line}\n" in text for line in change.removed)
