"""Says in words that a proposer can act on why claims and challenge disagree. It decides nothing.

The witness is shown the places of the largest differences again, each time with one thing put back as it
was for the claims. What makes the claim come true again is what it rested on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from orchestrator.ports import CandidateFault, Model
from orchestrator.scoring.challenge import Cuts, Nats, nats_of
from orchestrator.scoring.held_out import HeldOut

LATER_TOKENS = "predictions used later tokens"
OTHER_ROWS = "predictions depended on other rows"
NOT_ONE = "predictions did not sum to one"
CHANGED = "predictions changed between passes"

_PLACES = 8
_AGREES_NATS = 0.1

Asked = Callable[[int, int], float]
"""What comes out for a row and a cut, in nats."""


def name_the_lie(
    witness: Model, held_out: HeldOut, claims: NDArray[np.float32], rounds: Sequence[tuple[Cuts, Nats]]
) -> str:
    """One of the reasons above, for claims [N, T] that the rounds' differences show to be lies."""
    rows, batch, places = held_out.rows, held_out.batch_rows, _worst(rounds)
    vocab = len(held_out.token_bytes)

    def alone(row: int, at: int) -> float:
        """The row whole, in a batch of nothing but itself."""
        inputs = np.repeat(rows[row : row + 1, :-1], batch, axis=0)
        return _nats(witness.answer(inputs, np.full(batch, at), vocab)[0], rows[row, at + 1])

    def in_its_batch(row: int, at: int) -> float:
        """The row whole, in the very batch that it was claimed in."""
        start = row - row % batch
        inputs = rows[start : start + batch, :-1]
        logits = witness.answer(inputs, np.full(len(inputs), at), vocab)
        return _nats(logits[row - start], rows[row, at + 1])

    def claimed_again(row: int, at: int) -> float:
        """By the model's own arithmetic, in that batch."""
        start = row - row % batch
        return float(witness.claim(rows[start : start + batch])[row - start, at])

    tries: list[tuple[Asked, str]] = [
        (alone, LATER_TOKENS), (in_its_batch, OTHER_ROWS), (claimed_again, NOT_ONE),
    ]  # fmt: skip
    return next((reason for ask, reason in tries if _agrees(ask, places, claims)), CHANGED)


def _worst(rounds: Sequence[tuple[Cuts, Nats]]) -> list[tuple[int, int]]:
    """The places (row, cut) of the largest differences."""
    found = [
        (abs(gap), int(row), int(at))
        for cuts, gaps in rounds
        for row, at, gap in zip(cuts.rows, cuts.at, gaps, strict=True)
    ]
    return [(row, at) for _, row, at in sorted(found, reverse=True)[:_PLACES]]


def _nats(logits: NDArray[np.float32], target: np.uint16) -> float:
    return float(nats_of(logits[None], np.array([target], dtype=np.int64))[0])


def _agrees(ask: Asked, places: list[tuple[int, int]], claims: NDArray[np.float32]) -> bool:
    """Whether most of the claims come true again when asked so; a witness that fails agrees with nothing."""
    try:
        gaps = [abs(ask(row, at) - float(claims[row, at])) for row, at in places]
    except CandidateFault:
        return False
    return bool(np.median(gaps) < _AGREES_NATS)
