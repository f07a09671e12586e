"""Texts a few megabytes at a time, so that memory stays bounded however many there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

BATCH_CHARACTERS = 1 << 22


def batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yield lists of texts, each list as soon as it holds BATCH_CHARACTERS; nothing is left out."""
    batch, size = list[str](), 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size >= BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
