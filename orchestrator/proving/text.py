"""A data folder whose tokens are the bytes of our own sources: small enough to score in a moment."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from orchestrator.data import DataFolder, load_data

VOCAB = 260
_BEGINNING = 256
_SPLITS = ("train", "val", "holdout")


def write_bytes_as_tokens(
    folder: Path, *, everywhere: bytes = b"", held_out: bytes = b"", text: bytes = b""
) -> DataFolder:
    """Prepare `folder`; `everywhere` begins each split, `held_out` begins val and holdout alone.

    The splits are the thirds of `text`, which is our own sources unless given.
    """
    sources = sorted(Path(__file__).parents[1].glob("*.py"))
    text = text or b"".join(path.read_bytes() for path in sources)
    folder.mkdir(parents=True, exist_ok=True)
    third = len(text) // 3
    for index, split in enumerate(_SPLITS):
        head = everywhere + (held_out if split != "train" else b"")
        _write_tokens(folder / f"{split}.bin", head + text[index * third : (index + 1) * third])
    token_bytes = [f"{value:02x}" for value in range(_BEGINNING)] + [""] * (VOCAB - _BEGINNING)
    special = {f"<|special_{index}|>": _BEGINNING + index for index in range(VOCAB - _BEGINNING)}
    tokenizer = {"version": 1, "pattern": ".", "special_tokens": special, "tokens": token_bytes}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    names = [*(f"{split}.bin" for split in _SPLITS), "tokenizer.json"]
    files = {name: _entry((folder / name).read_bytes()) for name in names}
    manifest = {"version": 1, "vocab_size": VOCAB, "token_bytes": token_bytes, "files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return load_data(folder)


def _write_tokens(path: Path, text: bytes) -> None:
    tokens = np.concatenate([[_BEGINNING], np.frombuffer(text, dtype=np.uint8)])
    path.write_bytes(tokens.astype("<u2").tobytes())


def _entry(data: bytes) -> dict[str, object]:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
