"""A byte-level BPE tokenizer: trained with rustbpe, kept as JSON, read with tiktoken. Never a pickle."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import rustbpe
import tiktoken

from corpus import DataError
from corpus.batches import batches

SPECIAL_TOKENS = ("<|bos|>", "<|reserved_1|>", "<|reserved_2|>", "<|reserved_3|>")
SMALLEST_VOCABULARY = 256 + len(SPECIAL_TOKENS)
LARGEST_VOCABULARY = 65_535
TRAIN_BYTES = 200_000_000
"""The tokenizer learns from this much training text at most, from its beginning."""
THREADS = min(32, os.cpu_count() or 1)

PATTERN = "|".join(
    (
        r"'(?i:[sdmt]|ll|ve|re)",  # the endings of English contractions
        r"[^\r\n\p{L}\p{N}]?+\p{L}+",  # a word, with the one character before it
        r"\p{N}{1,2}",  # numbers by two digits
        r" ?[^\s\p{L}\p{N}]++[\r\n]*",  # signs, with the line ends after them
        r"\s*[\r\n]",
        r"\s+(?!\S)",
        r"\s+",
    )
)


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> dict[str, Any]:
    """Learn merges from the texts; returns what tokenizer.json holds. Raises DataError."""
    learner = rustbpe.Tokenizer()
    learner.train_from_iterator(_capped(texts), vocab_size - len(SPECIAL_TOKENS), pattern=PATTERN)
    ranks = sorted((rank, bytes(token)) for token, rank in learner.get_mergeable_ranks())
    if len(ranks) + len(SPECIAL_TOKENS) < vocab_size:
        most = len(ranks) + len(SPECIAL_TOKENS)
        message = f"the training text is too small for {vocab_size} tokens"
        raise DataError(message, remedy=f"ask for {most} at most")
    return {
        "version": 1,
        "pattern": PATTERN,
        "special_tokens": {name: len(ranks) + number for number, name in enumerate(SPECIAL_TOKENS)},
        "tokens": [token.hex() for _, token in ranks] + [""] * len(SPECIAL_TOKENS),
    }


def _capped(texts: Iterable[str]) -> Iterator[str]:
    used = 0
    for text in texts:
        if used >= TRAIN_BYTES:
            return
        used += len(text.encode())
        yield text


def load_encoding(path: Path) -> tiktoken.Encoding:
    """Read tokenizer.json for encoding and decoding."""
    stored = json.loads(path.read_text(encoding="utf-8"))
    ordinary = stored["tokens"][: -len(stored["special_tokens"])]
    return tiktoken.Encoding(
        name=path.parent.name,
        pat_str=stored["pattern"],
        mergeable_ranks={bytes.fromhex(token): rank for rank, token in enumerate(ordinary)},
        special_tokens=stored["special_tokens"],
    )


def write_tokens(texts: Iterable[str], encoding: tiktoken.Encoding, path: Path) -> int:
    """Write each text's tokens after a BOS token, as little-endian uint16; returns how many tokens."""
    bos = encoding.encode_single_token(SPECIAL_TOKENS[0])
    written = 0
    with path.open("wb") as file:
        for batch in batches(texts):
            for tokens in encoding.encode_ordinary_batch(batch, num_threads=THREADS):
                file.write(np.array([bos, *tokens], dtype="<u2").tobytes())
                written += 1 + len(tokens)
    return written
