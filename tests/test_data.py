"""The data folder as the host reads it: a manifest that says everything, and files that match it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestrator.data import load_data
from orchestrator.errors import SetupError

NAMES = ("train.bin", "val.bin", "holdout.bin", "tokenizer.json")
Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound data folder with a vocabulary of three tokens."""
    files = {}
    for index, name in enumerate(NAMES):
        data = np.arange(index + 1, dtype="<u2").tobytes()
        (tmp_path / name).write_bytes(data)
        files[name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    manifest = {"version": 1, "vocab_size": 3, "token_bytes": ["61", "c3a9", ""], "files": files}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


def test_a_sound_folder_gives_tokens_and_their_exact_bytes(folder: Path) -> None:
    data = load_data(folder)
    data.verify()
    assert data.vocab_size == 3
    assert data.token_bytes.tolist() == [1, 2, 0]
    assert data.tokens("val").tolist() == [0, 1]
    assert data.tokens("holdout").tolist() == [0, 1, 2]
    assert data.sha256 == hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()


@pytest.mark.parametrize("path", ["", "nowhere"])
def test_a_folder_without_a_manifest_has_no_data(tmp_path: Path, path: str) -> None:
    with pytest.raises(SetupError, match="there is no data in") as error:
        load_data(tmp_path / path)
    assert error.value.remedy == "run 'make data'"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "1", '"x"', "[" * 100_000, "\xff", '{"version": 1}'], ids=lambda t: t[:9]
)
def test_a_manifest_that_is_none_is_malformed(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(SetupError, match=r"manifest\.json is malformed"):
        load_data(folder)


MALFORMED: dict[str, Edit] = {
    "another version": lambda m: m.update(version=2),
    "another vocabulary size": lambda m: m.update(vocab_size=4),
    "a vocabulary size that is a fraction": lambda m: m.update(vocab_size=3.0),
    "files as a list": lambda m: m.update(files=[]),
    "files as null": lambda m: m.update(files=None),
    "a file as text": lambda m: m["files"].update({"val.bin": "x"}),
    "a file without its size": lambda m: m["files"]["val.bin"].pop("bytes"),
    "a file without its hash": lambda m: m["files"]["val.bin"].pop("sha256"),
    "an endless file": lambda m: m["files"]["val.bin"].update(bytes=float("inf")),
    "a size that is text": lambda m: m["files"]["val.bin"].update(bytes="many"),
    "no held-out file": lambda m: m["files"].pop("holdout.bin"),
    "tokens as a number": lambda m: m.update(token_bytes=3),
    "a token that is null": lambda m: m.update(token_bytes=["61", None, ""]),
    "a token that is no hex": lambda m: m.update(token_bytes=["61", "zz", ""]),
    "a token of half a byte": lambda m: m.update(token_bytes=["61", "c3a", ""]),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_manifest_is_one_line_and_a_remedy(folder: Path, name: str) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    MALFORMED[name](manifest)
    path.write_text(json.dumps(manifest))
    with pytest.raises(SetupError, match=r"manifest\.json is malformed") as error:
        load_data(folder)
    assert "\n" not in error.value.message
    assert error.value.remedy == "delete it and run 'make data'"


@pytest.mark.parametrize("name", NAMES)
def test_verification_names_the_file_that_is_not_what_the_manifest_says(folder: Path, name: str) -> None:
    data, path = load_data(folder), folder / name
    sound = path.read_bytes()
    for spoil in (
        lambda: path.write_bytes(sound + b"\0"),
        lambda: path.write_bytes(bytes([sound[0] ^ 1]) + sound[1:]),
        path.unlink,
        path.mkdir,
    ):
        spoil()
        with pytest.raises(SetupError, match=rf"{name} is missing or is not"):
            data.verify()


def test_verification_names_the_first_bad_file(folder: Path) -> None:
    for name in NAMES[1:]:
        (folder / name).unlink()
    with pytest.raises(SetupError, match=r"/val\.bin is missing"):
        load_data(folder).verify()


@pytest.mark.parametrize("data", [b"", b"abc"])
def test_a_split_without_whole_tokens_is_our_error(folder: Path, data: bytes) -> None:
    (folder / "val.bin").write_bytes(data)
    with pytest.raises(SetupError, match=r"val\.bin holds no whole tokens"):
        load_data(folder).tokens("val")
