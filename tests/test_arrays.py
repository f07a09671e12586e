"""A folder of labelled rows is read as what it is, and refused with a remedy where it is not."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestrator.arrays import HELD_OUT_FILES, TRAINING_FILES, load_arrays
from orchestrator.errors import SetupError
from orchestrator.task import ArrayProfile, load_task

DIGITS = Path(__file__).parent / "tasks" / "digits"


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("arrays") / "digits"
    subprocess.run([sys.executable, str(DIGITS / "prepare.py"), "--out", str(folder)], check=True)
    return folder


def write(folder: Path, outputs: int = 2, **arrays: Any) -> Path:
    """A folder of six small arrays and a manifest that fits them."""
    rows: dict[str, Any] = {}
    for split in ("train", "val", "holdout"):
        rows[f"{split}_inputs"] = np.zeros((4, 3), dtype=np.float32)
        rows[f"{split}_labels"] = np.arange(4) % 2
    files = {}
    for name, array in {**rows, **arrays}.items():
        path = folder / f"{name}.npy"
        np.save(path, array)
        body = path.read_bytes()
        files[path.name] = {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps({"version": 1, "outputs": outputs, "files": files}))
    return folder


def test_the_digits_are_split_without_one_image_in_two_splits(digits: Path) -> None:
    data = load_arrays(digits)
    data.verify()
    seen: set[bytes] = set()
    for split, count in (("train", 1079), ("val", 359), ("holdout", 359)):
        inputs, labels = data.rows(split)  # type: ignore[arg-type]
        assert inputs.shape == (count, 8, 8)
        assert set(labels.tolist()) == set(range(10))
        images = {image.tobytes() for image in inputs}
        assert len(images) == count
        assert not images & seen
        seen |= images


def test_labels_that_decide_are_not_among_what_training_sees(digits: Path) -> None:
    data = load_arrays(digits)
    assert set(data.training_files) == set(TRAINING_FILES)
    assert not set(data.training_files) & set(HELD_OUT_FILES)


def test_the_digits_are_the_same_wherever_they_are_made(digits: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(DIGITS / "prepare.py"), "--out", str(tmp_path)], check=True)
    assert load_arrays(tmp_path).files == load_arrays(digits).files


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(version=2),
        lambda m: m.update(outputs="10"),
        lambda m: m.update(outputs=0),
        lambda m: m.update(outputs=True),
        lambda m: m.pop("outputs"),
        lambda m: m["files"].pop("holdout_labels.npy"),
    ],
)
def test_a_malformed_manifest_is_refused(tmp_path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    manifest = write(tmp_path) / "manifest.json"
    values = json.loads(manifest.read_text())
    change(values)
    manifest.write_text(json.dumps(values))
    with pytest.raises(SetupError, match="is malformed"):
        load_arrays(tmp_path)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"val_inputs": np.zeros((4, 3))}, "are not float32"),
        ({"val_inputs": np.zeros(4, dtype=np.float32)}, "are not float32"),
        ({"val_labels": np.zeros(3, dtype=np.int64)}, "with one label each"),
        ({"val_labels": np.zeros(4, dtype=np.float32)}, "with one label each"),
        ({"val_labels": np.array([0, 1, 2, 0])}, "outside of 2 classes"),
        ({"val_labels": np.array([0, 1, -1, 0])}, "outside of 2 classes"),
        ({"val_labels": np.array([None] * 4)}, "is not an array"),
    ],
)
def test_arrays_that_are_no_labelled_rows_are_refused(
    tmp_path: Path, arrays: dict[str, Any], said: str
) -> None:
    with pytest.raises(SetupError, match=said):
        load_arrays(write(tmp_path, **arrays)).rows("val")


def test_a_file_that_was_changed_is_named(tmp_path: Path) -> None:
    np.save(write(tmp_path) / "val_labels.npy", np.zeros(4, dtype=np.int64))
    with pytest.raises(SetupError, match=r"val_labels\.npy is missing or is not what the manifest says"):
        load_arrays(tmp_path).verify()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: arrays", "kind: sounds", "kind: input should be 'text'"),
        ("eval_batch_rows: 50 ", "eval_batch_rows: 200 ", "at most half of eval_rows"),
        ("name: accuracy", "name: Two Words", "metric.name"),
        ("direction: maximize", "direction: sideways", "metric.direction"),
    ],
)
def test_a_task_that_is_none_is_refused_with_its_key(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = (DIGITS / "task.yaml").read_text()
    assert old in text
    (tmp_path / "task.yaml").write_text(text.replace(old, new, 1))
    with pytest.raises(SetupError, match=said):
        load_task(tmp_path)


def test_the_digits_are_a_task_of_arrays() -> None:
    assert isinstance(load_task(DIGITS).profiles["cpu"], ArrayProfile)


def test_what_is_missing_is_made_by_the_tasks_own_program(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="there is no data") as refusal:
        load_arrays(tmp_path)
    assert refusal.value.remedy == "run 'autoresearch data' with the same --task and --policy"
