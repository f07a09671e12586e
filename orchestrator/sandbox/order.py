"""The one message that sets candidate code going: what to run, for how long, on what shapes."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Shape:
    """What training is told about its task. `sequence_tokens` is None where data is not text.

    `size` is the task's profile, the same in a smoke test on the CPU; empty for the device's own.
    """

    entry_file: str
    sequence_tokens: int | None
    device: Literal["cpu", "cuda"]
    size: str = ""

    @property
    def profile(self) -> str:
        """The size of the task that `harness.PROFILE` tells."""
        return self.size or ("gpu" if self.device == "cuda" else "cpu")


def order_message(
    shape: Shape, files: Mapping[str, str], *, mode: str, seed: int = 0, seconds: float = 0.0
) -> bytes:
    """A framed order with the candidate's files behind it. `seconds` is the time to train."""
    bodies = {path: text.encode("utf-8", "surrogatepass") for path, text in files.items()}
    run = {
        "mode": mode,
        "seconds": seconds,
        "seed": seed,
        "sequence_tokens": shape.sequence_tokens,
        "profile": shape.profile,
        "device": shape.device if mode != "smoke" else "cpu",
    }
    order = {
        "do": "load" if mode == "serve" else mode,
        "entry_file": shape.entry_file,
        "run": run,
        "files": [{"path": path, "bytes": len(body)} for path, body in bodies.items()],
    }
    return framed(order) + b"".join(bodies.values())


def framed(message: Mapping[str, Any]) -> bytes:
    """One JSON object behind its 4-byte little-endian length."""
    body = json.dumps(message).encode()
    return struct.pack("<I", len(body)) + body
