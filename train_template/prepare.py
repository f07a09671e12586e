"""Turn a source of text into a data folder: tokens for training and evaluation, tokenizer, manifest.

    prepare.py --source stdlib --documents docs.jsonl --vocab-size 2048 --out data/stdlib-2048
    prepare.py --source folder:PATH|climbmix|tinystories --vocab-size 8192 --out DIR
    prepare.py --verify DIR

Does nothing when the folder is there and matches its inputs. Bad input is one line on standard error and
exit 2. Runs on the host, needs no framework. AUTORESEARCH_DATA_URL replaces the address of the dataset hub.
"""

from __future__ import annotations

import argparse
import errno
import fcntl
import hashlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from corpus import DataError, sources
from corpus.data_folder import FILES, MANIFEST, TOKENIZER, describe_files, verify, write_json
from corpus.sources import Source
from corpus.splits import SPLITS, read_spool, split_documents
from corpus.tokenizer import (
    LARGEST_VOCABULARY,
    SMALLEST_VOCABULARY,
    load_encoding,
    train_tokenizer,
    write_tokens,
)

__all__ = ["load_encoding", "main", "prepare"]

RECIPE = 1
"""Rises whenever the same inputs would give other files."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parse(arguments)
    try:
        if options.verify:
            verify(options.verify)
            _say(f"{options.verify}: every file matches its checksum")
        else:
            prepare(_source(options), options.vocab_size, options.out)
    except DataError as error:
        return _complain(str(error))
    except OSError as error:
        return _complain(_explain(error))
    except KeyboardInterrupt:
        return _complain("interrupted — run again to go on")
    return 0


def prepare(source: Source, vocab_size: int, out: Path) -> None:
    """Make the folder `out` from `source`, unless it is there and matches. Raises DataError and OSError."""
    if not SMALLEST_VOCABULARY <= vocab_size <= LARGEST_VOCABULARY:
        limits = f"{SMALLEST_VOCABULARY} to {LARGEST_VOCABULARY}"
        raise DataError(f"a vocabulary of {vocab_size} is not in {limits}", remedy="correct --vocab-size")
    if out.exists() and not out.is_dir():
        raise DataError(f"{out}: is not a folder", remedy="choose another --out")
    inputs = _digest({"recipe": RECIPE, "source": source.inputs, "vocab_size": vocab_size})
    out.mkdir(parents=True, exist_ok=True)
    with _locked(out):
        if not _is_current(out, inputs):
            _build(source, vocab_size, out, inputs)


def _is_current(out: Path, inputs: str) -> bool:
    try:
        current = verify(out).get("inputs") == inputs
    except DataError as error:
        if (out / MANIFEST).exists():
            _say(f"{error.message}: made again")
        return False
    if not current:
        _say(f"{out}: was made from other inputs: made again")
    return current


def _build(source: Source, vocab_size: int, out: Path, inputs: str) -> None:
    """Make everything beside its place, then move it there; the manifest goes first and comes last."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=".building-", dir=out) as name:
        folder = Path(name)
        _say(f"reading documents from {source.name}")
        counts = split_documents(source.documents(), folder)
        _say(f"learning {vocab_size} tokens from {counts.kept['train']} documents")
        tokenizer = train_tokenizer(read_spool(folder, "train"), vocab_size)
        write_json(folder / TOKENIZER, tokenizer)
        tokens = _write_splits(folder)
        manifest = {
            "version": 1,
            "source": source.name,
            "vocab_size": vocab_size,
            "bos_id": tokenizer["special_tokens"]["<|bos|>"],
            "inputs": inputs,
            "tokens": tokens,
            "documents": asdict(counts),
            "files": describe_files(folder),
            "token_bytes": tokenizer["tokens"],
        }
        (out / MANIFEST).unlink(missing_ok=True)
        for file in FILES:
            (folder / file).replace(out / file)
        write_json(out / MANIFEST, manifest)
    _say(f"{out}: {sum(tokens.values()):,} tokens in {time.monotonic() - started:.1f} s")


def _write_splits(folder: Path) -> dict[str, int]:
    encoding = load_encoding(folder / TOKENIZER)
    tokens = {}
    for split in SPLITS:
        tokens[split] = write_tokens(read_spool(folder, split), encoding, folder / f"{split}.bin")
        (folder / f"{split}.spool").unlink()
        _say(f"  {split}: {tokens[split]:,} tokens")
    return tokens


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """One process at a time makes a folder; the lock ends with the process, and so does what it left."""
    with (out / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say(f"{out}: waiting for another process that makes it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left in out.glob(".building-*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def _source(options: argparse.Namespace) -> Source:
    name, _, place = options.source.partition(":")
    cache = options.out.parent / "downloads"
    if name == "folder" and place:
        return sources.folder_source(Path(place))
    if options.source == "stdlib":
        return sources.stdlib_source(options.documents)
    if options.source == "climbmix":
        return sources.climbmix_source(options.shards, cache)
    if options.source == "tinystories":
        return sources.tinystories_source(options.shards, cache)
    known = "stdlib, folder:PATH, climbmix or tinystories"
    raise DataError(f"--source {options.source!r} is not known", remedy=f"use {known}")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Turn a source of text into a data folder.")
    parser.add_argument("--source", help="stdlib, folder:PATH, climbmix or tinystories")
    parser.add_argument("--vocab-size", type=int, default=8192, help="tokens, special ones included")
    parser.add_argument("--out", type=Path, help="the data folder to make")
    parser.add_argument("--documents", type=Path, help="for stdlib: JSON lines of name and text")
    parser.add_argument("--shards", type=int, default=10, help="how many shards to train on, where there are")
    parser.add_argument("--verify", type=Path, metavar="DIR", help="only check a data folder")
    options = parser.parse_args(arguments)
    if not options.verify and not (options.source and options.out):
        parser.error("--source and --out are needed, or --verify")
    return options


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _explain(error: OSError) -> str:
    where = error.filename or "a file"
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return f"{where}: no space left to write: {error.strerror} — free some space, then run again"
    return f"{where}: {error.strerror or error} — check the path and its permissions"


def _complain(message: str) -> int:
    sys.stderr.write(f"prepare: {message}\n")
    return 2


def _say(message: str) -> None:
    sys.stdout.write(f"{message}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
