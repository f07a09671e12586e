"""The data folder on the host: token files, the exact bytes of every token, and their checksums."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import SetupError

TRAINING_FILES = ("train.bin", "tokenizer.json")
_REMEDY = "run 'make data'"
_MALFORMED = (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class DataFolder:
    """A prepared data folder whose manifest was read; files are checked by `verify`."""

    path: Path
    vocab_size: int
    token_bytes: NDArray[np.int64]
    files: Mapping[str, tuple[int, str]]
    sha256: str

    def tokens(self, split: Literal["train", "val", "holdout"]) -> NDArray[np.uint16]:
        """One split as a memory map of token ids [N]. Raises SetupError when it cannot be one."""
        path = self.path / f"{split}.bin"
        try:
            return np.memmap(path, dtype="<u2", mode="r")
        except (OSError, ValueError):
            raise SetupError(f"{path} holds no whole tokens", remedy=_REMEDY) from None

    def verify(self) -> None:
        """Compare every file with the manifest. Raises SetupError that names the first bad one."""
        for name, (size, sha256) in self.files.items():
            path = self.path / name
            if not path.is_file() or path.stat().st_size != size or _sha256(path) != sha256:
                raise SetupError(f"{path} is missing or is not what the manifest says", remedy=_REMEDY)


def load_data(path: Path) -> DataFolder:
    """Read a data folder's manifest. Raises SetupError when it is missing or malformed."""
    manifest = path / "manifest.json"
    try:
        raw = manifest.read_bytes()
        values = json.loads(raw)
        return _folder(path, values, hashlib.sha256(raw).hexdigest())
    except FileNotFoundError:
        raise SetupError(f"there is no data in {path}", remedy=_REMEDY) from None
    except _MALFORMED as error:
        raise SetupError(f"{manifest} is malformed: {error}", remedy=f"delete it and {_REMEDY}") from None


def _folder(path: Path, values: Mapping[str, Any], sha256: str) -> DataFolder:
    token_bytes = np.array([len(bytes.fromhex(token)) for token in values["token_bytes"]], dtype=np.int64)
    vocab_size = values["vocab_size"]
    if values["version"] != 1 or type(vocab_size) is not int or len(token_bytes) != vocab_size:
        raise ValueError("its version or its vocabulary is not ours")
    files = {name: (int(entry["bytes"]), str(entry["sha256"])) for name, entry in values["files"].items()}
    missing = {"train.bin", "val.bin", "holdout.bin", "tokenizer.json"} - files.keys()
    if missing:
        raise ValueError(f"it lacks {sorted(missing)}")
    return DataFolder(path, vocab_size, token_bytes, files, sha256)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
