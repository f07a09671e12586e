"""A finished data folder: three token files, the tokenizer, and a manifest that vouches for them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from corpus import DataError

MANIFEST = "manifest.json"
TOKENIZER = "tokenizer.json"
TOKEN_FILES = ("train.bin", "val.bin", "holdout.bin")
FILES = (*TOKEN_FILES, TOKENIZER)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file so that it is there whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def describe_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and SHA-256 of every file of a data folder."""
    paths = [folder / name for name in FILES]
    return {path.name: {"bytes": path.stat().st_size, "sha256": _sha256(path)} for path in paths}


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest, or None when there is none or it cannot be read."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) and manifest.get("version") == 1 else None


def verify(folder: Path) -> dict[str, Any]:
    """The manifest of a folder whose files are what it says. Raises DataError that names what is not."""
    manifest = read_manifest(folder)
    if manifest is None:
        raise DataError(f"{folder}: has no readable {MANIFEST}", remedy="run prepare.py for it")
    for name in FILES:
        wanted = manifest.get("files", {}).get(name, {})
        path = folder / name
        if not path.is_file():
            raise DataError(f"{path}: is missing", remedy="run prepare.py again")
        if path.stat().st_size != wanted.get("bytes") or _sha256(path) != wanted.get("sha256"):
            raise DataError(f"{path}: does not match its checksum", remedy="run prepare.py again")
    return manifest


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
