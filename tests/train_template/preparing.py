"""What the tests of prepare.py share: real text, the command line, and a reader of data folders."""

from __future__ import annotations

import importlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

TEMPLATE = Path(__file__).parents[2] / "train_template"
PREPARE = TEMPLATE / "prepare.py"
VOCABULARY = 400
ODD_TEXTS = [
    "emoji 🙂👩‍👩‍👧‍👦 and flags 🇩🇪, 日本語, العربية, a\u0301 combining",
    "controls \x00\x01\x1b[0m\x7f\x85\u2028 and a byte order mark \ufeff",
    "line ends \r\n\r\n\n\r and \t tabs   and   runs      of spaces   \n",
    "numbers 1 12 123 1234567890 and it's, we'll, THEY'RE",
    "the marker <|bos|> and <|reserved_1|> as plain text",
    "x" * 5000,
    " " * 3000 + "end",
]

sys.path.append(str(TEMPLATE))  # as when prepare.py runs as a script
prepare = importlib.import_module("prepare")
splits = importlib.import_module("corpus.splits")
tokenizer = importlib.import_module("corpus.tokenizer")


def run_prepare(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What the command line does, without the price of another process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = prepare.main([str(each) for each in arguments])
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def write_jsonl(path: Path, texts: Iterable[str]) -> Path:
    lines = [json.dumps({"name": "x", "text": text}) + "\n" for text in texts]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def library_texts(count: int = 250, most_bytes: int = 9_000) -> list[str]:
    """Real text that is on every machine: small modules of this Python."""
    paths = sorted(Path(os.__file__).parent.rglob("*.py"))
    ours = (path for path in paths if "site-packages" not in str(path))
    small = (path for path in ours if 300 < path.stat().st_size < most_bytes)
    texts = (path.read_text(encoding="utf-8", errors="replace") for path in small)
    return [text for _, text in zip(range(count), texts, strict=False)]


def prepare_stdlib(documents: Path, out: Path) -> subprocess.CompletedProcess[str]:
    options = ["--source", "stdlib", "--vocab-size", str(VOCABULARY)]
    return run_prepare(*options, "--documents", documents, "--out", out)


def read_manifest(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return manifest


def read_documents(folder: Path, split: str) -> list[bytes]:
    """Cut a token file at its BOS tokens and spell each document with the manifest's bytes."""
    manifest = read_manifest(folder)
    spelled = [bytes.fromhex(token) for token in manifest["token_bytes"]]
    tokens = np.memmap(folder / f"{split}.bin", dtype="<u2", mode="r")
    starts = [int(at) for at in np.flatnonzero(tokens == manifest["bos_id"])]
    ends = [*starts[1:], len(tokens)]
    pairs = zip(starts, ends, strict=True)
    return [b"".join(spelled[token] for token in tokens[at + 1 : end]) for at, end in pairs]
