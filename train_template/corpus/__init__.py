"""How prepare.py turns documents into tokens: sources, downloads, splits, tokenizer, and the data folder."""

from __future__ import annotations


class DataError(Exception):
    """What is wrong with the data, in one line, and what to do about it."""

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(f"{message} — {remedy}")
        self.message = message
        self.remedy = remedy
