"""The trusted reader: checks and hashes what a candidate left in /out, before any of its code is loaded.

It opens two fixed names, follows no link, reads bounded amounts, and unpickles nothing. What it refuses is
the candidate's doing, and the message says why.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import stat
from pathlib import Path
from typing import Any

OUT = Path("/out")
MAX_RESULT_BYTES = 64 * 1024
MAX_HEADER_BYTES = 1024 * 1024
MAX_TENSOR_BYTES = 1 << 48
DTYPE_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "C64": 8, "BOOL": 1}
DTYPE_BYTES |= {"I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1}


class Refused(Exception):  # noqa: N818 - the candidate's doing, not an error of ours
    """An artefact that the trusted reader does not hand over; the message says why."""


def open_regular(name: str, max_bytes: int) -> tuple[int, int]:
    """Open a fixed name in /out that is a plain file with one link; (descriptor, size)."""
    try:
        descriptor = os.open(OUT / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise Refused(f"{name} was not saved") from None
    except OSError as error:
        raise Refused(f"{name} cannot be opened: {error.strerror}") from None
    status = os.fstat(descriptor)
    try:
        check_plain(name, status, max_bytes)
        check_dense(name, descriptor, status)
        fill(descriptor, status.st_size)
    except Refused:
        os.close(descriptor)
        raise
    return descriptor, status.st_size


def check_plain(name: str, status: os.stat_result, max_bytes: int) -> None:
    """Refuse what is not one plain file with one link and at most so many bytes."""
    if not stat.S_ISREG(status.st_mode):
        raise Refused(f"{name} is not a regular file")
    if status.st_nlink != 1:
        raise Refused(f"{name} has {status.st_nlink} links")
    if status.st_size > max_bytes:
        raise Refused(f"{name} has {status.st_size} bytes, more than {max_bytes}")


def check_dense(name: str, descriptor: int, status: os.stat_result) -> None:
    """Refuse a file with holes: reading a hole of a tmpfs file fills it, which a later reader could see."""
    size = status.st_size
    full = size == 0 or os.lseek(descriptor, 0, os.SEEK_HOLE) >= size
    os.lseek(descriptor, 0, os.SEEK_SET)
    if not full or status.st_blocks * 512 < size:
        raise Refused(f"{name} has holes")


def fill(descriptor: int, size: int) -> None:
    """Fill every hole, by one look at each page through a mapping: some kernels show no hole, gVisor's among
    them, and what cannot be refused then must hold no marks either."""
    if size:
        with mmap.mmap(descriptor, size, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ) as pages:
            pages[:: mmap.PAGESIZE]


def check_alone() -> None:
    """Refuse whatever lies beside the two files, for the same reason: only candidates would look at it."""
    if {path.name for path in OUT.iterdir()} - {"result.json", "model.safetensors"}:
        raise Refused("the output holds more than result.json and model.safetensors")


def read_small(name: str) -> bytes:
    """The whole content of a small file in /out."""
    descriptor, _ = open_regular(name, MAX_RESULT_BYTES)
    with os.fdopen(descriptor, "rb") as stream:
        return stream.read(MAX_RESULT_BYTES + 1)


def read_text(name: str) -> str:
    """The same as text; what is not UTF-8 is refused."""
    try:
        return read_small(name).decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(f"{name} is not UTF-8") from None


def check_weights(max_bytes: int) -> tuple[str, int]:
    """SHA-256 and size of the weights, once their header is sane. Loads nothing."""
    descriptor, size = open_regular("model.safetensors", max_bytes)
    digest = hashlib.sha256()
    with os.fdopen(descriptor, "rb") as stream:
        head = stream.read(8)
        length = int.from_bytes(head, "little")
        if len(head) < 8 or not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
            raise Refused("model.safetensors has no sane header")
        header = stream.read(length)
        check_header(header, size - 8 - length)
        digest.update(head + header)
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest(), size


def check_header(header: bytes, body_bytes: int) -> None:
    """Tensors must tile the body exactly, each as long as its dtype and shape say."""
    try:
        entries = json.loads(header, object_pairs_hook=unique)
        if not isinstance(entries, dict):
            raise TypeError(entries)
        entries.pop("__metadata__", None)
        spans = sorted((*whole(tensor["data_offsets"]), tensor_bytes(tensor)) for tensor in entries.values())
        ends = [0, *(end for _, end, _ in spans)]
        tiled = all(begin == end for (begin, _, _), end in zip(spans, ends, strict=False))
        sized = all(end - begin == size for begin, end, size in spans)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Refused("model.safetensors has a malformed header") from None
    if not (spans and tiled and sized and ends[-1] == body_bytes):
        raise Refused("model.safetensors has tensors that do not fit its size")


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which no key stands twice: another reader may take the other one. Raises ValueError."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def tensor_bytes(tensor: dict[str, Any]) -> int:
    """Bytes that a header entry's dtype and shape ask for."""
    size = DTYPE_BYTES[tensor["dtype"]]
    for extent in whole(tensor["shape"]):
        size *= extent
        if extent < 0 or size > MAX_TENSOR_BYTES:  # a product without end would take minutes
            raise ValueError(extent)
    return size


def whole(numbers: Any) -> list[int]:
    """The list, if it is one and holds integers alone; a truth is none."""
    if not isinstance(numbers, list) or any(type(number) is not int for number in numbers):
        raise TypeError(numbers)
    return numbers


def hand_over(max_weights_bytes: int) -> dict[str, Any]:
    """Check and hash what the train container left behind, before any candidate code is loaded."""
    try:
        result = read_text("result.json")
        weights_sha256, weights_bytes = check_weights(max_weights_bytes)
        check_alone()
    except Refused as refusal:
        return {"refused": str(refusal)}
    return {
        "result": result,
        "result_sha256": hashlib.sha256(result.encode()).hexdigest(),
        "weights_sha256": weights_sha256,
        "weights_bytes": weights_bytes,
    }


def read_result() -> dict[str, Any]:
    """The saved result file as an object."""
    result: dict[str, Any] = json.loads(read_small("result.json"))
    return result
