"""Trusted containers: filling the read-only data volume, and reading the image's own library.

No candidate code ever runs in these. A data volume is named by its content, filled once, checked
every time, and shared read-only by all train containers.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orchestrator.errors import SandboxError
from orchestrator.sandbox.container import DATA_LABEL, Outfit, container_body
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.launch import Container, launch
from orchestrator.sandbox.model import CHUNK_BYTES, MAX_REPLY_BYTES
from orchestrator.sandbox.order import framed
from orchestrator.sandbox.stream import BoundedLog, StreamEnded

START_SECONDS = 60.0
STDLIB_LIMIT_BYTES = 256 * 1024 * 1024
_BLOCK = 1 << 20

Progress = Callable[[int, int], None]


def _silent(_sent: int, _total: int) -> None:
    """No progress is shown."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file that training may read: where it lies on the host, its size and SHA-256."""

    name: str
    path: Path
    size_bytes: int
    sha256: str


def fill_data_volume(
    engine: Engine, outfit: Outfit, files: Sequence[DataFile], progress: Progress = _silent
) -> str:
    """The name of a volume that holds exactly these files; those that are missing are sent.

    `progress` is told bytes sent and bytes to send. Raises SandboxError.
    """
    content = _content(files)
    name = data_volume_name(files)
    engine.create_volume(name, {}, {DATA_LABEL: content})
    body = container_body(replace(outfit, data_volume=name), "receive")
    container = launch(engine, body, f"{name}-filler-{time.monotonic_ns() % 10**9}")
    try:
        container.await_ready(START_SECONDS)
        _fill(container, files, progress)
    except (TimeoutError, StreamEnded, ValueError):
        why = container.stream.errors.text().strip()[-200:] or "its container stopped"
        raise SandboxError(f"the data volume was not filled: {why}", remedy="is the disk full?") from None
    finally:
        container.remove()
    return name


def data_volume_name(files: Sequence[DataFile]) -> str:
    """The name that a volume with exactly these files has on every engine."""
    return f"autoresearch-data-{_content(files)[:12]}"


def _content(files: Sequence[DataFile]) -> str:
    return hashlib.sha256("".join(sorted(f"{f.name}{f.sha256}" for f in files)).encode()).hexdigest()


def _fill(container: Container, files: Sequence[DataFile], progress: Progress) -> None:
    order = {"files": [{"name": f.name, "bytes": f.size_bytes, "sha256": f.sha256} for f in files]}
    container.stream.send(framed(order), time.monotonic() + START_SECONDS)
    missing = set(_reply(container)["missing"])
    total, sent = sum(f.size_bytes for f in files if f.name in missing), 0
    for file in files:
        if file.name in missing:
            for block in _blocks(file.path):
                container.stream.send(block, time.monotonic() + START_SECONDS)
                sent += len(block)
                progress(sent, total)
    if _reply(container) != {"complete": True}:
        raise ValueError


def _reply(container: Container) -> Mapping[str, Any]:
    deadline = time.monotonic() + START_SECONDS
    message = json.loads(container.stream.read_message(deadline, MAX_REPLY_BYTES, CHUNK_BYTES))
    return dict(message)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            yield block


def export_stdlib(engine: Engine, outfit: Outfit) -> bytes:
    """The standard library of the image as JSON lines of name and text. Raises SandboxError."""
    body = container_body(outfit, "stdlib")
    container = launch(engine, body, f"autoresearch-stdlib-{time.monotonic_ns()}")
    out, deadline = BoundedLog(STDLIB_LIMIT_BYTES), time.monotonic() + START_SECONDS
    try:
        ended = container.stream.drain(out, deadline)
        exit_ = engine.wait_exit(container.identity, 5.0) if ended else None
    finally:
        container.remove()
    if exit_ is None or exit_.code != 0:
        raise SandboxError("the image's standard library could not be read", remedy="run 'make image'")
    return out.text().encode()
