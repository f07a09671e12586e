"""A data folder of labelled rows: six .npy files, of which only the two for training leave the host.

    train_inputs.npy   val_inputs.npy   holdout_inputs.npy      float32 [N, ...], the same shape of row
    train_labels.npy   val_labels.npy   holdout_labels.npy      int64 [N] classes from 0, or float32 [N]

The manifest's `outputs` is what a model answers for a row: one number for each class, or 1 for a number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from orchestrator.data import Prepared, files_of, read_manifest
from orchestrator.errors import SetupError

TRAINING_FILES = ("train_inputs.npy", "train_labels.npy")
HELD_OUT_FILES = ("val_inputs.npy", "val_labels.npy", "holdout_inputs.npy", "holdout_labels.npy")
MOST_OUTPUTS = 65_536
_REMEDY = "run 'autoresearch data' with the same --task and --policy"


@dataclass(frozen=True, slots=True)
class ArrayFolder(Prepared):
    """A prepared folder of labelled rows; a model answers `outputs` numbers for each of them."""

    remedy: ClassVar[str] = _REMEDY
    outputs: int

    @property
    def training_files(self) -> Sequence[str]:
        return TRAINING_FILES

    def rows(self, split: Literal["train", "val", "holdout"]) -> tuple[NDArray[np.float32], NDArray[Any]]:
        """Inputs [N, ...] and labels [N] of one split. Raises SetupError when they are no such arrays."""
        inputs, labels = self._array(f"{split}_inputs.npy"), self._array(f"{split}_labels.npy")
        wanted = {np.dtype(np.int64)} if self.outputs > 1 else {np.dtype(np.float32)}
        sound = inputs.dtype == np.float32 and inputs.ndim > 1 and labels.dtype in wanted
        if not sound or labels.shape != inputs.shape[:1] or not np.isfinite(labels).all():
            message = f"{self.path}: the rows of {split} are not float32 [N, ...] with one label each"
            raise SetupError(message, remedy="mend the task's prepare.py")
        if self.outputs > 1 and not ((labels >= 0) & (labels < self.outputs)).all():
            message = f"{self.path}: {split} has labels outside of {self.outputs} classes"
            raise SetupError(message, remedy="mend the task's prepare.py")
        return inputs, labels

    def _array(self, name: str) -> NDArray[Any]:
        try:
            array: NDArray[Any] = np.load(self.path / name, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            raise SetupError(f"{self.path / name} is not an array", remedy=_REMEDY) from None
        return array


def load_arrays(path: Path) -> ArrayFolder:
    """Read the manifest of a folder of arrays. Raises SetupError when it is missing or malformed."""
    return read_manifest(path, _folder, _REMEDY)


def _folder(path: Path, values: Mapping[str, Any], sha256: str) -> ArrayFolder:
    outputs = values["outputs"]
    if values["version"] != 1 or type(outputs) is not int or not 1 <= outputs <= MOST_OUTPUTS:
        raise ValueError("its version or its number of outputs is not ours")
    return ArrayFolder(path, files_of(values, {*TRAINING_FILES, *HELD_OUT_FILES}), sha256, outputs)
