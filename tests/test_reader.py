"""The trusted reader of the output, which candidate code has filled with whatever it likes."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import pytest

READER = Path(__file__).parents[1] / "sandbox_image" / "reader.py"
LIMIT = 1 << 20
RESULT = b'{"version": 1, "config": {}, "claims": {}}'


@pytest.fixture
def reader(tmp_path: Path) -> ModuleType:
    """A module object of its own, whose /out is a folder with a sound result."""
    spec = importlib.util.spec_from_file_location("trusted_reader", READER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    vars(module)["OUT"] = tmp_path
    (tmp_path / "result.json").write_bytes(RESULT)
    (tmp_path / "model.safetensors").write_bytes(weights())
    return module


def packed(header: bytes, body: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + body


def weights(body: bytes = bytes(24), **tensors: object) -> bytes:
    """A safetensors file; by default one matrix and one vector of float32."""
    sound = {"a": tensor([2, 2], 0, 16), "b": tensor([2], 16, 24)}
    return packed(json.dumps(tensors or sound).encode(), body)


def tensor(shape: Any, begin: Any, end: Any, dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def handed_over(reader: ModuleType, limit: int = LIMIT) -> dict[str, Any]:
    reply: dict[str, Any] = reader.hand_over(limit)
    return reply


def test_a_sound_output_is_handed_over_with_its_hashes(reader: ModuleType, tmp_path: Path) -> None:
    data = (tmp_path / "model.safetensors").read_bytes()
    assert handed_over(reader) == {
        "result": RESULT.decode(),
        "result_sha256": hashlib.sha256(RESULT).hexdigest(),
        "weights_sha256": hashlib.sha256(data).hexdigest(),
        "weights_bytes": len(data),
    }


def test_weights_of_several_blocks_are_hashed_whole(reader: ModuleType, tmp_path: Path) -> None:
    size = 5 * (1 << 20) + 4
    data = weights(os.urandom(size), a=tensor([size // 4], 0, size))
    (tmp_path / "model.safetensors").write_bytes(data)
    assert handed_over(reader, 1 << 30)["weights_sha256"] == hashlib.sha256(data).hexdigest()


def test_a_file_of_exactly_the_limit_is_accepted_and_one_byte_more_is_not(reader: ModuleType) -> None:
    size = len(weights())
    assert handed_over(reader, size)["weights_bytes"] == size
    refusal = handed_over(reader, size - 1)
    assert refusal == {"refused": f"model.safetensors has {size} bytes, more than {size - 1}"}


@pytest.mark.parametrize(
    "dtype",
    ["F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "U16", "U32", "U64", "BOOL", "C64"],
)
def test_every_dtype_that_a_model_may_hold_is_accepted(
    reader: ModuleType, tmp_path: Path, dtype: str
) -> None:
    size = {"6": 2, "8": 1, "2": 4, "4": 8, "L": 1}[dtype[-1]]
    data = weights(bytes(6 * size), a=tensor([3, 2], 0, 6 * size, dtype))
    (tmp_path / "model.safetensors").write_bytes(data)
    assert "refused" not in handed_over(reader)


def test_scalars_empty_tensors_and_metadata_are_accepted(reader: ModuleType, tmp_path: Path) -> None:
    parts = {"b": tensor([], 0, 4), "e": tensor([0, 7], 4, 4), "__metadata__": {"format": "pt"}}
    (tmp_path / "model.safetensors").write_bytes(weights(bytes(4), **parts))
    assert "refused" not in handed_over(reader)


Make = Callable[[Path], object]


def _link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _dangling(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def _hard_link(path: Path) -> None:
    path.with_name("other").write_bytes(weights())
    path.hardlink_to(path.with_name("other"))


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _sparse(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(1 << 40)


@pytest.mark.parametrize("name", ["result.json", "model.safetensors"])
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda _: None, "was not saved"),
        (_link, "cannot be opened: Too many levels of symbolic links"),
        (_dangling, "cannot be opened: Too many levels of symbolic links"),
        (_device, "cannot be opened: Too many levels of symbolic links"),
        (_hard_link, "has 2 links"),
        (_fifo, "is not a regular file"),
        (_socket, "cannot be opened: No such device or address"),
        (Path.mkdir, "is not a regular file"),
        (_sparse, f"has {1 << 40} bytes, more than"),
    ],
)
def test_only_a_plain_file_of_bounded_size_is_read(
    reader: ModuleType, tmp_path: Path, name: str, make: Make, reason: str
) -> None:
    path = tmp_path / name
    path.unlink()
    make(path)
    began = time.monotonic()
    assert handed_over(reader)["refused"].startswith(f"{name} {reason}")
    assert time.monotonic() - began < 0.5


def test_a_result_beyond_its_limit_is_refused(reader: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_bytes(b" " * (64 * 1024 + 1))
    assert handed_over(reader)["refused"] == "result.json has 65537 bytes, more than 65536"


def test_a_result_that_is_no_text_still_fits_the_reply(reader: ModuleType, tmp_path: Path) -> None:
    for byte in (b"\xff", b"\x00", b'"'):
        (tmp_path / "result.json").write_bytes(byte * 64 * 1024)
        assert len(json.dumps(handed_over(reader))) < 1 << 20


NO_HEADER = "has no sane header"
MALFORMED = "has a malformed header"
MISFIT = "has tensors that do not fit its size"
HOSTILE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", NO_HEADER),
    "seven bytes": (bytes(7), NO_HEADER),
    "a length alone": (struct.pack("<Q", 2), NO_HEADER),
    "a header cut short": (weights()[:40], NO_HEADER),
    "a length of 2 to the 63": (packed(b"{}", length=1 << 63), NO_HEADER),
    "a length of 2 to the 64 less 1": (packed(b"{}", length=(1 << 64) - 1), NO_HEADER),
    "a length beyond the file by one": (packed(b"{}", length=3), NO_HEADER),
    "a length of zero": (packed(b"", bytes(9)), NO_HEADER),
    "a header beyond its limit": (packed(b" " * LIMIT + b"{}"), NO_HEADER),
    "no JSON": (packed(b"\x80\x04pickle."), MALFORMED),
    "deep nesting": (packed(b"[" * 100_000), MALFORMED),
    "a number": (packed(b"12"), MALFORMED),
    "a list of pairs": (packed(json.dumps([["a", tensor([], 0, 4)]]).encode(), bytes(4)), MALFORMED),
    "no tensors": (packed(b"{}"), MISFIT),
    "no tensors before a body": (packed(b"{}", bytes(8)), MISFIT),
    "metadata alone": (packed(b'{"__metadata__": {"format": "pt"}}'), MISFIT),
    "overlapping": (weights(bytes(24), a=tensor([4], 0, 16), b=tensor([4], 8, 24)), MISFIT),
    "the same bytes twice": (weights(bytes(16), a=tensor([4], 0, 16), b=tensor([4], 0, 16)), MISFIT),
    "a gap": (weights(bytes(24), a=tensor([2], 0, 8), b=tensor([2], 16, 24)), MISFIT),
    "a gap at the start": (weights(bytes(24), a=tensor([4], 8, 24)), MISFIT),
    "bytes behind the last": (weights(bytes(24), a=tensor([4], 0, 16)), MISFIT),
    "offsets beyond the file": (weights(bytes(8), a=tensor([4], 0, 16)), MISFIT),
    "offsets backwards": (weights(bytes(8), a=tensor([2], 8, 0)), MISFIT),
    "negative offsets": (weights(bytes(8), a=tensor([4], -8, 8)), MISFIT),
    "offsets as fractions": (weights(bytes(8), a=tensor([2], 0.0, 8.0)), MALFORMED),
    "offsets as truths": (weights(bytes(1), a=tensor([], False, True, "U8")), MALFORMED),
    "offsets as text": (weights(bytes(8), a=tensor([2], "0", "8")), MALFORMED),
    "three offsets": (weights(bytes(8), a={**tensor([2], 0, 8), "data_offsets": [0, 4, 8]}), MALFORMED),
    "no offsets": (weights(bytes(8), a={"dtype": "F32", "shape": [2]}), MALFORMED),
    "the size of another dtype": (weights(bytes(8), a=tensor([2], 0, 8, "F64")), MISFIT),
    "an unknown dtype": (weights(bytes(8), a=tensor([2], 0, 8, "PICKLE")), MALFORMED),
    "a dtype that is a list": (weights(bytes(8), a=tensor([2], 0, 8, [])), MALFORMED),
    "a negative extent": (weights(bytes(8), a=tensor([-2], 0, 8)), MALFORMED),
    "two negative extents": (weights(bytes(8), a=tensor([-1, -2], 0, 8)), MALFORMED),
    "an extent that is true": (weights(bytes(8), a=tensor([2, True], 0, 8)), MALFORMED),
    "an extent that is a fraction": (weights(bytes(8), a=tensor([2.0], 0, 8)), MALFORMED),
    "a shape that is text": (weights(bytes(4), a=tensor("", 0, 4)), MALFORMED),
    "a shape that is a mapping": (weights(bytes(4), a=tensor({}, 0, 4)), MALFORMED),
    "extents beyond any memory": (weights(bytes(8), a=tensor([9] * 300_000, 0, 8)), MALFORMED),
    "a tensor that is text": (weights(bytes(8), a="F32"), MALFORMED),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_header_is_refused_at_once(reader: ModuleType, tmp_path: Path, name: str) -> None:
    data, reason = HOSTILE[name]
    (tmp_path / "model.safetensors").write_bytes(data)
    began = time.monotonic()
    assert handed_over(reader, 1 << 30) == {"refused": f"model.safetensors {reason}"}
    assert time.monotonic() - began < 0.5


def test_refusing_leaves_no_file_open(reader: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").unlink()
    os.mkfifo(tmp_path / "model.safetensors")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        assert "refused" in handed_over(reader)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_result_that_is_not_utf8_is_refused(reader: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_bytes(b'{"config": "\xff"}')
    assert handed_over(reader) == {"refused": "result.json is not UTF-8"}


def test_a_header_in_which_a_name_stands_twice_is_refused(reader: ModuleType, tmp_path: Path) -> None:
    entry = json.dumps(tensor([1], 0, 4))
    header = f'{{"a": {entry}, "a": {entry}}}'.encode()
    (tmp_path / "model.safetensors").write_bytes(packed(header, bytes(4)))
    assert handed_over(reader) == {"refused": "model.safetensors has a malformed header"}


def test_what_the_reader_has_seen_has_no_holes_left(reader: ModuleType) -> None:
    with TemporaryDirectory(dir="/dev/shm") as folder:
        path = Path(folder) / "sparse"
        with path.open("wb") as stream:
            stream.truncate(1 << 20)
        assert path.stat().st_blocks == 0
        with path.open("rb") as stream:
            reader.fill(stream.fileno(), 1 << 20)
        assert path.stat().st_blocks * 512 == 1 << 20
