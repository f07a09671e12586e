"""Which document goes where, so that nothing that is held out can be learned by heart.

- Two documents are the same when they agree after case-folding and making every run of white space one
  space. Only the first of them stays.
- A document's split follows from the hash of that normal form alone: 5 in 100 to val, 5 to holdout, the rest
  to train. Documents of a pinned shard go to val or holdout, half and half.
- A fingerprint is the hash of 50 consecutive bytes of the normal form; those in the lowest 1/32 of the range
  of hashes are looked at. A held-out document is dropped when at least half of its fingerprints also stand
  in training text. A document too short to have any is only compared as a whole.

Documents wait in one spool file per split, so memory holds a 16-byte hash of each document and the
fingerprints of what is held out, never the texts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corpus import DataError
from corpus.batches import batches
from corpus.sources import Document

HELD_OUT = ("val", "holdout")
SPLITS = ("train", *HELD_OUT)
WINDOW_BYTES = 50
LOOK_AT_ONE_IN = 32
DROP_SHARE = 0.5
PIECE_BYTES = 1 << 15
_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2**64
_INVERSE = pow(_BASE, -1, 2**64)

Hashes = NDArray[np.uint64]


@dataclass(slots=True)
class Counts:
    """What became of the documents."""

    read: int = 0
    empty: int = 0
    duplicate: int = 0
    in_training_text: int = 0
    kept: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SPLITS, 0))


def normalise(text: str) -> bytes:
    """The form in which documents are compared."""
    return " ".join(text.casefold().split()).encode()


def split_documents(documents: Iterable[Document], folder: Path) -> Counts:
    """Write one spool file per split into `folder` and say what became of the documents.

    Raises DataError when a split stays empty.
    """
    counts = _spool(documents, folder)
    _drop_what_training_has(folder, counts)
    for split in SPLITS:
        if not counts.kept[split]:
            message = f"of {counts.read} documents none is left for {split}"
            raise DataError(message, remedy="give at least about 100 documents")
    return counts


def read_spool(folder: Path, split: str) -> Iterator[str]:
    """The texts of one split, in order."""
    with _spool_path(folder, split).open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _spool_path(folder: Path, split: str) -> Path:
    return folder / f"{split}.spool"


def _spool(documents: Iterable[Document], folder: Path) -> Counts:
    counts, seen = Counts(), set[bytes]()
    files = {split: _spool_path(folder, split).open("w", encoding="utf-8") for split in SPLITS}
    try:
        for document in documents:
            text = document.text.encode("utf-8", "replace").decode()  # lone surrogates have no UTF-8
            normal = normalise(text)
            key = hashlib.blake2b(normal, digest_size=16).digest()
            counts.read += 1
            counts.empty += not normal
            counts.duplicate += bool(normal) and key in seen
            if normal and key not in seen:
                seen.add(key)
                split = choose_split(key, document.held_out)
                counts.kept[split] += 1
                files[split].write(json.dumps(text) + "\n")
    finally:
        for file in files.values():
            file.close()
    if not seen:
        raise DataError("the source has no text", remedy="check --source")
    return counts


def choose_split(key: bytes, held_out: bool | None) -> str:
    """The split of the document with this hash."""
    share = int.from_bytes(key[:8], "little") / 2**64
    if held_out is None:
        return "val" if share < 0.05 else "holdout" if share < 0.10 else "train"
    if held_out:
        return "val" if share < 0.5 else "holdout"
    return "train"


def _drop_what_training_has(folder: Path, counts: Counts) -> None:
    held_out = (text for split in HELD_OUT for text in read_spool(folder, split))
    prints = [fingerprints(normalise(text)) for text in held_out]
    owner = np.repeat(np.arange(len(prints)), [len(each) for each in prints])
    known, place = np.unique(np.concatenate([np.empty(0, np.uint64), *prints]), return_inverse=True)
    if not len(known):
        return
    found = _found_in_training(known, folder)
    hits = np.bincount(owner, weights=found[place], minlength=len(prints))
    totals = np.bincount(owner, minlength=len(prints))
    drop = (totals > 0) & (hits >= DROP_SHARE * totals)
    for split, dropped in zip(HELD_OUT, np.split(drop, [counts.kept["val"]]), strict=True):
        _rewrite(split, folder, dropped)
        counts.kept[split] -= int(dropped.sum())
        counts.in_training_text += int(dropped.sum())


def _found_in_training(known: Hashes, folder: Path) -> NDArray[np.bool_]:
    """For each of the sorted fingerprints, whether it stands in training text."""
    found = np.zeros(len(known), dtype=np.bool_)
    for texts in batches(read_spool(folder, "train")):
        prints = np.concatenate([fingerprints(normalise(text)) for text in texts])
        place = np.minimum(np.searchsorted(known, prints), len(known) - 1)
        found[place[known[place] == prints]] = True
    return found


def _rewrite(split: str, folder: Path, drop: NDArray[np.bool_]) -> None:
    path = _spool_path(folder, split)
    kept = path.with_suffix(".kept")
    with path.open("rb") as old, kept.open("wb") as new:
        new.writelines(line for line, dropped in zip(old, drop, strict=True) if not dropped)
    kept.replace(path)


def fingerprints(normal: bytes) -> Hashes:
    """The distinct fingerprints of a document's normal form, sorted."""
    step = PIECE_BYTES - WINDOW_BYTES + 1
    pieces = [_piece_hashes(normal[at : at + PIECE_BYTES]) for at in range(0, len(normal), step)]
    hashes = np.concatenate([np.empty(0, np.uint64), *pieces])
    return np.unique(hashes[hashes < np.uint64(2**64 // LOOK_AT_ONE_IN)])


def _piece_hashes(piece: bytes) -> Hashes:
    """The polynomial hash modulo 2**64 of every window, from prefix sums, then mixed."""
    windows = len(piece) - WINDOW_BYTES + 1
    if windows <= 0:
        return np.empty(0, np.uint64)
    terms = np.frombuffer(piece, np.uint8).astype(np.uint64) * _powers(_BASE)[: len(piece)]
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)])
    hashes = (sums[WINDOW_BYTES:] - sums[:-WINDOW_BYTES]) * _powers(_INVERSE)[:windows]
    mixed: Hashes = (hashes ^ (hashes >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    return mixed


@cache
def _powers(base: int) -> Hashes:
    return np.cumprod(np.full(PIECE_BYTES, base, np.uint64), dtype=np.uint64)
