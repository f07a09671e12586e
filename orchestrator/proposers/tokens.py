"""How many tokens a text costs: counted when an encoding is on this machine, else estimated."""

from __future__ import annotations

import hashlib
import math
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import tiktoken

ENCODING = "o200k_base"
BYTES_PER_TOKEN = 3.2

# tiktoken fetches an encoding that its cache lacks, or whose checksum is wrong. Looking first keeps
# a machine without a network from waiting, and any machine from asking a server unbidden.
_CACHE_NAME = "fb374d419588a4632f3f557e76b4b70aebbca790"
_CACHE_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"


def count_tokens(text: str) -> int:
    """Tokens of the text; decided at the first use, the same way ever after."""
    return _counter()(text)


def counts_exactly() -> bool:
    """Whether tokens are counted; else they are estimated."""
    return _counter() is not estimate_tokens


def estimate_tokens(text: str) -> int:
    """UTF-8 bytes over 3.2, rounded up: on the high side for code, English and tables of numbers."""
    return math.ceil(len(text.encode(errors="replace")) / BYTES_PER_TOKEN)


@cache
def _counter() -> Callable[[str], int]:
    if not is_cached(_cache_folder()):
        return estimate_tokens
    encoding = tiktoken.get_encoding(ENCODING)
    return lambda text: len(encoding.encode_ordinary(text))


def is_cached(folder: Path) -> bool:
    """Whether tiktoken would find the encoding in this cache folder, whole."""
    try:
        data = (folder / _CACHE_NAME).read_bytes()
    except OSError:
        return False
    return hashlib.sha256(data).hexdigest() == _CACHE_SHA256


def _cache_folder() -> Path:
    named = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR"))
    return Path(named) if named else Path(tempfile.gettempdir()) / "data-gym-cache"
