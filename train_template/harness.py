"""What a train.py may rely on: device, clock, data, progress lines and saving.

This file is fixed. It lies read-only beside the framework in the image; nothing in it decides a score.
The runner describes the run in the environment variable AUTORESEARCH_RUN, a JSON object, before train.py
is imported.

A task on text draws `batches`, one on labelled rows draws `examples`.

In the smoke test (`SMOKE`) everything is tiny and on the CPU: batches are clipped to 2 rows of 32 tokens
(examples to 4), and the deadline passes with the second batch. Iteration ends for good a little later, so
that a step which accumulates gradients over several batches still completes.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

SMOKE_ROWS, SMOKE_TOKENS, SMOKE_BATCHES, SMOKE_BATCHES_AT_MOST = 2, 32, 2, 64
SMOKE_EXAMPLES = 4
LOG_SECONDS = 1.0


def _read_run() -> dict[str, Any]:
    text = os.environ.get("AUTORESEARCH_RUN")
    if text is None:
        raise RuntimeError("AUTORESEARCH_RUN is not set: harness only works inside a sandbox container")
    run = json.loads(text)
    if run["device"] not in {"cpu", "cuda"}:
        raise RuntimeError(f"AUTORESEARCH_RUN names an unknown device {run['device']!r}")
    return dict(run)


_run = _read_run()
_smoke_batches_given = 0
_last_line_at = -math.inf

SMOKE: bool = _run.get("mode") == "smoke"
"""True in the smoke test: tiny shapes, two steps, on the CPU."""

DEVICE: str = "cpu" if SMOKE else _run["device"]
"""Where tensors live: "cuda" or "cpu"."""

PROFILE: str = _run.get("profile") or ("gpu" if _run["device"] == "cuda" else "cpu")
"""Which size of the task this is: "gpu", "gpu-small" or "cpu"; the same in its smoke test on the CPU."""


def deadline() -> float:
    """Seconds on time.monotonic()'s clock at which training must stop; saving has its own time after it."""
    passed = SMOKE and _smoke_batches_given >= SMOKE_BATCHES
    return float(_run["started"] if passed else _run["deadline"])


def progress() -> float:
    """Share of the training time that is used, in [0, 1]. In the smoke test, share of its batches."""
    if SMOKE:
        return min(1.0, _smoke_batches_given / SMOKE_BATCHES)
    started, end = float(_run["started"]), float(_run["deadline"])
    return min(1.0, max(0.0, (time.monotonic() - started) / max(end - started, 1e-9)))


def seed() -> int:
    """The seed that the host drew for this run, a non-negative integer."""
    return int(_run["seed"])


def sequence_tokens() -> int:
    """Tokens in one row, T: the length that the host evaluates with, and that `batches` yields."""
    if _run["sequence_tokens"] is None:
        raise RuntimeError("this task has no text: use examples()")
    length = int(_run["sequence_tokens"])
    return min(length, SMOKE_TOKENS) if SMOKE else length


@cache
def vocab_size() -> int:
    """Number of token ids, the special ones included."""
    text = (Path(_run["data"]) / "tokenizer.json").read_text(encoding="utf-8")
    return len(json.loads(text)["tokens"])


@cache
def _training_tokens() -> np.ndarray[Any, np.dtype[np.uint16]]:
    tokens = np.memmap(Path(_run["data"]) / "train.bin", dtype="<u2", mode="r")
    if len(tokens) <= sequence_tokens():
        raise ValueError(f"train.bin has {len(tokens)} tokens, fewer than one row of {sequence_tokens()}")
    return tokens


def batches(rows: int, seed: int | None = None) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (inputs, targets) for ever: int64 tensors [rows, T] on DEVICE, targets one token ahead of inputs.

    Rows are windows of the training tokens at random places, drawn from `seed` (default: this run's seed).
    """
    if rows < 1:
        raise ValueError(f"a batch has at least one row, not {rows}")
    random = np.random.default_rng(globals()["seed"]() if seed is None else seed)
    if SMOKE:
        return _smoke_stream(lambda: _draw_batch(random, min(rows, SMOKE_ROWS)))
    return _stream(lambda: _draw_batch(random, rows))


@cache
def training_rows() -> tuple[Tensor, Tensor]:
    """All training rows on DEVICE: float32 inputs [N, ...], labels [N] (int64 classes, or float32)."""
    folder = Path(_run["data"])
    arrays = (np.load(folder / f"train_{part}.npy", allow_pickle=False) for part in ("inputs", "labels"))
    inputs, labels = (torch.from_numpy(array).to(DEVICE) for array in arrays)
    return inputs, labels


def examples(rows: int, seed: int | None = None) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (inputs, labels) for ever: so many training rows drawn at random, without one twice in a batch.

    They are drawn from `seed` (default: this run's seed), and are all of them where there are fewer.
    """
    if rows < 1:
        raise ValueError(f"a batch has at least one row, not {rows}")
    random = np.random.default_rng(globals()["seed"]() if seed is None else seed)
    if SMOKE:
        return _smoke_stream(lambda: _draw_examples(random, min(rows, SMOKE_EXAMPLES)))
    return _stream(lambda: _draw_examples(random, rows))


def _draw_examples(random: np.random.Generator, rows: int) -> tuple[Tensor, Tensor]:
    inputs, labels = training_rows()
    at = random.choice(len(inputs), size=min(rows, len(inputs)), replace=False)
    chosen = torch.from_numpy(at).to(DEVICE)
    return inputs[chosen], labels[chosen]


def _stream(draw: Callable[[], tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    """One batch ahead: the next copy is under way while the device works on the current batch."""
    upcoming = draw()
    while True:
        current, upcoming = upcoming, draw()
        yield current


def _smoke_stream(draw: Callable[[], tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    global _smoke_batches_given  # noqa: PLW0603 - deadline() and progress() count what was handed out
    while _smoke_batches_given < SMOKE_BATCHES_AT_MOST:
        _smoke_batches_given += 1
        yield draw()


def _draw_batch(random: np.random.Generator, rows: int) -> tuple[Tensor, Tensor]:
    tokens, length = _training_tokens(), sequence_tokens()
    starts = random.integers(0, len(tokens) - length, size=rows)
    windows = torch.from_numpy(np.stack([tokens[at : at + length + 1] for at in starts]).astype(np.int64))
    if DEVICE == "cuda":
        windows = windows.pin_memory().to(DEVICE, non_blocking=True)
    return windows[:, :-1].contiguous(), windows[:, 1:].contiguous()


def compile(model: nn.Module) -> nn.Module:  # noqa: A001 - reads as harness.compile(model)
    """Compile the model in place for static shapes and return it; does nothing on the CPU and in SMOKE."""
    if DEVICE == "cuda" and not SMOKE:
        model.compile(dynamic=False)
    return model


def autocast() -> AbstractContextManager[Any]:
    """The context for forward passes: bfloat16 autocast on cuda, as in evaluation; on the CPU float32."""
    return torch.autocast("cuda", dtype=torch.bfloat16) if DEVICE == "cuda" else contextlib.nullcontext()


def log(**fields: float | str) -> None:
    """Print one progress line such as `step=12 loss=4.31`, at most one a second; others are dropped."""
    global _last_line_at  # noqa: PLW0603 - the rate limit is the process's
    now = time.monotonic()
    if now - _last_line_at >= LOG_SECONDS or now >= deadline():
        _last_line_at = now
        line = " ".join(f"{name}={_plain(value)}" for name, value in fields.items())
        print(line, flush=True)  # noqa: T201 - standard output is the run's log


def _plain(value: float | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def save(model: nn.Module, config: Mapping[str, Any], stats: Mapping[str, float]) -> None:
    """Write the model's weights and then the result file; a run without both has no result.

    `config` is what `build_model(config)` needs to build the same model again: plain JSON values. `stats`
    are finite numbers about the run (steps, tokens, train_loss); they inform and never decide. Seconds of
    training and peak memory in bytes are added here. Raises ValueError for anything that is not so.
    """
    claims = {"train_seconds": time.monotonic() - float(_run["started"]), "peak_memory_bytes": _peak_bytes()}
    for name, value in stats.items():
        claims[name] = float(value)
    if wrong := [name for name, value in claims.items() if not math.isfinite(value)]:
        raise ValueError(f"stats must be finite numbers: {', '.join(wrong)}")
    result = json.dumps({"version": 1, "config": dict(config), "claims": claims}, allow_nan=False)
    folder = Path(_run["out"])
    save_file(_weights(model), folder / "model.safetensors.part")
    (folder / "model.safetensors.part").replace(folder / "model.safetensors")
    (folder / "result.json.part").write_text(result, encoding="utf-8")
    (folder / "result.json.part").replace(folder / "result.json")


def _weights(model: nn.Module) -> dict[str, Tensor]:
    """Copies, so that tied tensors are saved under each name, without a compiling wrapper's prefix."""
    state = getattr(model, "_orig_mod", model).state_dict()
    plain = torch.contiguous_format
    return {name: value.detach().cpu().clone(memory_format=plain) for name, value in state.items()}


def _peak_bytes() -> float:
    if DEVICE == "cuda":
        return float(torch.cuda.max_memory_allocated())
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
