"""The data folder on the host: what a task's prepare.py has made, and the checksums that vouch for it.

A folder of text holds tokens and the exact bytes of every token; a folder of arrays holds inputs and labels.
Only what stands in `training_files` ever goes into a volume.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import SetupError

TRAINING_FILES = ("train.bin", "tokenizer.json")
REMEDY = "run 'make data'"
T = TypeVar("T", bound="Prepared")
_MALFORMED = (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A prepared folder whose manifest was read; files are checked by `verify`."""

    remedy: ClassVar[str] = REMEDY
    path: Path
    files: Mapping[str, tuple[int, str]]
    sha256: str

    @property
    def training_files(self) -> Sequence[str]:
        """The names of the files that a training container sees."""
        raise NotImplementedError

    def verify(self) -> None:
        """Compare every file with the manifest. Raises SetupError that names the first bad one."""
        for name, (size, sha256) in self.files.items():
            path = self.path / name
            if not path.is_file() or path.stat().st_size != size or _sha256(path) != sha256:
                raise SetupError(f"{path} is missing or is not what the manifest says", remedy=self.remedy)


@dataclass(frozen=True, slots=True)
class DataFolder(Prepared):
    """A prepared folder of text."""

    vocab_size: int
    token_bytes: NDArray[np.int64]

    @property
    def training_files(self) -> Sequence[str]:
        return TRAINING_FILES

    def tokens(self, split: Literal["train", "val", "holdout"]) -> NDArray[np.uint16]:
        """One split as a memory map of token ids [N]. Raises SetupError when it cannot be one."""
        path = self.path / f"{split}.bin"
        try:
            return np.memmap(path, dtype="<u2", mode="r")
        except (OSError, ValueError):
            raise SetupError(f"{path} holds no whole tokens", remedy=REMEDY) from None


def load_data(path: Path) -> DataFolder:
    """Read the manifest of a folder of text. Raises SetupError when it is missing or malformed."""
    return read_manifest(path, _folder)


def read_manifest(path: Path, folder: Callable[[Path, Mapping[str, Any], str], T], remedy: str = REMEDY) -> T:
    """The folder that a manifest's values and SHA-256 make. Raises SetupError as `load_data` does."""
    manifest = path / "manifest.json"
    try:
        raw = manifest.read_bytes()
        values = json.loads(raw)
        return folder(path, values, hashlib.sha256(raw).hexdigest())
    except FileNotFoundError:
        raise SetupError(f"there is no data in {path}", remedy=remedy) from None
    except _MALFORMED as error:
        raise SetupError(f"{manifest} is malformed: {error}", remedy=f"delete it and {remedy}") from None


def _folder(path: Path, values: Mapping[str, Any], sha256: str) -> DataFolder:
    token_bytes = np.array([len(bytes.fromhex(token)) for token in values["token_bytes"]], dtype=np.int64)
    vocab_size = values["vocab_size"]
    if values["version"] != 1 or type(vocab_size) is not int or len(token_bytes) != vocab_size:
        raise ValueError("its version or its vocabulary is not ours")
    files = files_of(values, {"train.bin", "val.bin", "holdout.bin", "tokenizer.json"})
    return DataFolder(path, files, sha256, vocab_size, token_bytes)


def files_of(values: Mapping[str, Any], needed: set[str]) -> dict[str, tuple[int, str]]:
    """Size and SHA-256 of each file of a manifest. Raises ValueError when one that is needed is missing."""
    files = {name: (int(entry["bytes"]), str(entry["sha256"])) for name, entry in values["files"].items()}
    if missing := needed - files.keys():
        raise ValueError(f"it lacks {sorted(missing)}")
    return files


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
