"""The text that the host alone has, as rows of tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from orchestrator.data import DataFolder
from orchestrator.errors import SetupError


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Held-out rows [N, T + 1], the bytes of every token id [V], and rows per batch.

    `foreign` is training text, a window of which stands behind each cut of a challenge.
    """

    rows: NDArray[np.uint16]
    token_bytes: NDArray[np.int64]
    batch_rows: int
    foreign: NDArray[np.uint16]

    def batches(self) -> Iterator[NDArray[np.uint16]]:
        for start in range(0, len(self.rows), self.batch_rows):
            yield self.rows[start : start + self.batch_rows]

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Which targets [N, T] count: those of at least one byte."""
        return self.token_bytes[self.rows[:, 1:]] > 0


def held_out_of(
    data: DataFolder, *, rows: int, length: int, batch_rows: int, split: Literal["val", "holdout"] = "val"
) -> HeldOut:
    """The rows of one of a data folder's held-out splits. Raises SetupError when there are too few tokens."""
    held_out = cut_rows(data.tokens(split), rows, length)
    return HeldOut(held_out, data.token_bytes, batch_rows, data.tokens("train"))


def cut_rows(tokens: NDArray[np.uint16], count: int, length: int) -> NDArray[np.uint16]:
    """`count` rows of `length` + 1 tokens, evenly spread; no token stands in two, which would show one
    row's last target at the beginning of the next.

    Raises SetupError when there are too few tokens.
    """
    needed = count * (length + 1)
    if len(tokens) < needed:
        raise SetupError(
            f"the held-out split has {len(tokens)} tokens, {needed} are needed",
            remedy="prepare more data, or lower eval_rows in task.yaml",
        )
    starts = (np.arange(count) * (len(tokens) // count))[:, None]
    rows: NDArray[np.uint16] = tokens[starts + np.arange(length + 1)[None, :]]
    return rows
