"""Where documents come from. A source names its inputs exactly and yields its documents in a fixed order."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as pq

from corpus import DataError
from corpus.download import download

PIECE_BYTES = 1 << 16
LARGE_TEXT_BYTES = 1 << 20
HUB = "https://huggingface.co/datasets"
CLIMBMIX = "karpathy/climbmix-400b-shuffle/resolve/main"
CLIMBMIX_SHARDS = 6542
"""Training shards are 0 to 6541; shard 6542 is the pinned one that validation is cut from."""
TINYSTORIES = "roneneldan/TinyStories/resolve/main/data"
TINYSTORIES_FILES = (
    "train-00000-of-00004-2d5a1467fff1081b.parquet",
    "train-00001-of-00004-5852b56a2bd28fd9.parquet",
    "train-00002-of-00004-a26307300439e943.parquet",
    "train-00003-of-00004-d243063613e5a057.parquet",
)
DOWNLOADS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Document:
    """One text, and whether its source pins it to the held-out side (None: the split decides)."""

    text: str
    held_out: bool | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """`inputs` is plain JSON that changes whenever the documents may; `documents` reads them all again."""

    name: str
    inputs: Any
    documents: Callable[[], Iterator[Document]]


def stdlib_source(documents: Path | None) -> Source:
    """The Python standard library, from a JSON-lines file of {"name", "text"}. Raises DataError."""
    if documents is None:
        raise DataError("the source stdlib needs its documents", remedy="name them: --documents FILE.jsonl")
    if not documents.is_file():
        raise DataError(f"{documents}: no such file", remedy="export the documents first")
    with documents.open("rb") as file:
        inputs = {"sha256": file_digest(file, "sha256").hexdigest()}
    return Source("stdlib", inputs, lambda: (Document(text) for text in _read_jsonl(documents)))


def folder_source(folder: Path) -> Source:
    """Every .txt, .jsonl and .parquet file under a folder, in sorted order. Raises DataError.

    A text file is one document; one of more than 1 MiB is cut at line ends into documents of 64 KiB.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder", remedy="check --source folder:PATH")
    paths = sorted(path for path in folder.rglob("*") if path.suffix in _READERS and path.is_file())
    if not paths:
        raise DataError(f"{folder}: holds no .txt, .jsonl or .parquet file", remedy="check folder:PATH")
    stats = [(str(path.relative_to(folder)), path.stat()) for path in paths]
    inputs = [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]

    def documents() -> Iterator[Document]:
        for path in paths:
            yield from (Document(text) for text in _READERS[path.suffix](path))

    return Source(f"folder:{folder}", inputs, documents)


def climbmix_source(shards: int, cache: Path) -> Source:
    """Training shards 0 to `shards` - 1 and the pinned one for what is held out; fetched when first read."""
    if not 1 <= shards <= CLIMBMIX_SHARDS:
        raise DataError(f"--shards {shards} is not in 1 to {CLIMBMIX_SHARDS}", remedy="10 is a good start")
    names = [f"shard_{number:05d}.parquet" for number in (*range(shards), CLIMBMIX_SHARDS)]

    def documents() -> Iterator[Document]:
        paths = _fetch(CLIMBMIX, names, cache / "climbmix")
        for path in paths:
            for text in _read_parquet(path):
                yield Document(text, held_out=path.name == names[-1])

    return Source("climbmix", names, documents)


def tinystories_source(shards: int, cache: Path) -> Source:
    """The first `shards` of the four files of stories, all four at most; fetched when first read."""
    if shards < 1:
        raise DataError(f"--shards {shards} is less than one", remedy="there are four")
    names = list(TINYSTORIES_FILES[:shards])

    def documents() -> Iterator[Document]:
        for path in _fetch(TINYSTORIES, names, cache / "tinystories"):
            yield from (Document(text) for text in _read_parquet(path))

    return Source("tinystories", names, documents)


def _fetch(dataset: str, names: list[str], folder: Path) -> list[Path]:
    """Bring the files of a dataset to `folder`, a few at a time. Raises DataError."""
    base = os.environ.get("AUTORESEARCH_DATA_URL", HUB).rstrip("/")
    if not base.startswith(("https://", "http://")):
        raise DataError(f"AUTORESEARCH_DATA_URL {base!r} is no http address", remedy="unset or correct it")
    folder.mkdir(parents=True, exist_ok=True)
    progress = _Progress(len(names))

    def fetch(name: str) -> Path:
        url = f"{base}/{dataset}/{name}"
        download(url, folder / name, check=_check_parquet, report=progress.report)
        return folder / name

    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        pending = [pool.submit(fetch, name) for name in names]
        try:
            return [future.result() for future in pending]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


class _Progress:
    """One line about all downloads, at most every two seconds."""

    def __init__(self, files: int) -> None:
        self._files, self._bytes, self._lock = files, dict[str, int](), threading.Lock()
        self._last = time.monotonic()

    def report(self, name: str, here: int, total: int) -> None:
        with self._lock:
            self._bytes[name] = here
            if time.monotonic() - self._last < 2:
                return
            self._last = time.monotonic()
            mib = sum(self._bytes.values()) / 2**20
            share = f", {name} {here / total:.0%}" if total else ""
            print(f"  downloading {self._files} files: {mib:.0f} MiB here{share}", flush=True)  # noqa: T201


def _check_parquet(path: Path) -> None:
    try:
        pq.ParquetFile(path).close()
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(str(error).splitlines()[0]) from None


def _read_text(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as file:
        if path.stat().st_size <= LARGE_TEXT_BYTES:
            yield file.read()
            return
        while lines := file.readlines(PIECE_BYTES):
            yield "".join(lines)


def _read_jsonl(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield _text_of_line(line, f"{path}:{number}")


def _text_of_line(line: str, where: str) -> str:
    try:
        record = json.loads(line)
    except ValueError:
        raise DataError(f"{where}: is not JSON", remedy="each line holds one JSON object") from None
    text = record.get("text") if isinstance(record, dict) else None
    if not isinstance(text, str):
        raise DataError(f"{where}: has no text", remedy='each line holds {"text": "..."}')
    return text


def _read_parquet(path: Path) -> Iterator[str]:
    try:
        with pq.ParquetFile(path) as file:
            if "text" not in file.schema_arrow.names:
                has = ", ".join(file.schema_arrow.names)
                raise DataError(f"{path}: no column 'text' (it has {has})", remedy="rename the column")
            for batch in file.iter_batches(batch_size=1024, columns=["text"]):
                yield from (text for text in batch.column(0).to_pylist() if isinstance(text, str))
    except (pyarrow.ArrowException, OSError) as error:
        message = f"{path}: cannot be read: {str(error).splitlines()[0]}"
        raise DataError(message, remedy="remove the file and run again") from None


_READERS: dict[str, Callable[[Path], Iterator[str]]] = {
    ".txt": _read_text,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}
