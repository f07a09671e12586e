"""Tokens are counted without a network, and never guessed too low when they cannot be counted."""

from __future__ import annotations

import time
from pathlib import Path

from orchestrator.proposers.tokens import count_tokens, estimate_tokens, is_cached


def test_counting_tokens_needs_no_network_and_no_time() -> None:
    started = time.monotonic()
    assert 0 < count_tokens("hello world") <= 11
    assert time.monotonic() - started < 2


def test_the_estimate_is_bytes_over_three_and_a_fifth_rounded_up() -> None:
    assert estimate_tokens("x" * 7) == 3
    assert estimate_tokens("é" * 7) == 5
    assert estimate_tokens("\ud800") == 1


def test_a_cached_encoding_counts_only_when_its_checksum_is_right(tmp_path: Path) -> None:
    assert not is_cached(tmp_path)
    (tmp_path / "fb374d419588a4632f3f557e76b4b70aebbca790").write_bytes(b"damaged")
    assert not is_cached(tmp_path)
