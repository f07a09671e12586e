"""What a container runs: our side of the wire, until it is told to load candidate code.

    runner.py train     import the framework, say ready, take files and go, run train.py
    runner.py smoke     the same on tiny shapes, then reload what was saved and test what it predicts
    runner.py bare      as train, without the framework: for programs that only test the container
    runner.py serve     say ready, hand over /out after safe checks (reader.py), load the model, answer
    runner.py hold      as serve, the framework imported only when a model is loaded
    runner.py receive   fill the /data volume from standard input (trusted data, no candidate)
    runner.py stdlib    write the Python standard library's sources to standard output as JSON lines

The host speaks first: a 4-byte little-endian length, then that many bytes of JSON. `files` in an
order are sent as raw bytes right behind it. Whatever a process writes after it was told to load
candidate code is a claim, never a fact; the clock, the limits and the score are the host's.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import math
import os
import struct
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any, BinaryIO

from reader import OUT, hand_over, read_result

HOME = Path(__file__).resolve().parent
CANDIDATE = Path("/work/candidate")
DATA = Path("/data")
READY = b"autoresearch ready\n"
CHUNK_BYTES = 32 * 1024  # gVisor stalls on a larger unanswered write


# --- the wire ---------------------------------------------------------------------------------


def read_exactly(stream: BinaryIO, size: int) -> bytes:
    """Read `size` bytes; end the process quietly when the host has gone away."""
    parts = []
    while size:
        part = stream.read(size)
        if not part:
            raise SystemExit(0)
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def read_message(stream: BinaryIO) -> dict[str, Any]:
    """One length-prefixed JSON object from the host."""
    (size,) = struct.unpack("<I", read_exactly(stream, 4))
    message: dict[str, Any] = json.loads(read_exactly(stream, size))
    return message


def write_message(stream: BinaryIO, message: dict[str, Any]) -> None:
    """One length-prefixed JSON object to the host, in chunks of which each but the first waits for credit."""
    body = json.dumps(message).encode()
    write_chunks(stream, struct.pack("<I", len(body)) + body)


def write_chunks(stream: BinaryIO, body: bytes) -> None:
    """Write `body`; after every chunk but the last, wait for one byte of credit from the host."""
    for start in range(0, len(body), CHUNK_BYTES):
        if start:
            read_exactly(sys.stdin.buffer, 1)
        stream.write(body[start : start + CHUNK_BYTES])
        stream.flush()


def take_files(order: dict[str, Any], stream: BinaryIO) -> None:
    """Write the order's files below /work/candidate, and make that the place to import from."""
    for entry in order["files"]:
        path = CANDIDATE / entry["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(read_exactly(stream, entry["bytes"]))


def close_stdin() -> None:
    """Leave nothing to read: candidate code gets /dev/null."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)


def prepare_candidate(order: dict[str, Any]) -> None:
    """Tell harness.py about this run, with deadlines on this machine's monotonic clock."""
    run = dict(order["run"])
    run["started"] = time.monotonic()
    run["deadline"] = run["started"] + run.pop("seconds")
    os.environ["AUTORESEARCH_RUN"] = json.dumps({**run, "data": str(DATA), "out": str(OUT)})
    sys.path[:0] = [str(CANDIDATE), str(HOME)]
    os.chdir(CANDIDATE)


def import_candidate(order: dict[str, Any]) -> Any:
    """Import the entry file by name. From here on nothing in this process is to be trusted."""
    return importlib.import_module(Path(order["entry_file"]).stem)


# --- train and smoke --------------------------------------------------------------------------


def train(mode: str) -> None:
    """Run the candidate's `main()` once the host says go; the slow imports come before the clock runs."""
    if mode != "bare":
        import safetensors.torch  # noqa: F401 - harness saves with it
        import torch._dynamo  # noqa: F401 - every optimizer imports it when it is made

    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    order = read_message(sys.stdin.buffer)
    take_files(order, sys.stdin.buffer)
    close_stdin()
    prepare_candidate(order)
    module = import_candidate(order)
    module.main()
    if mode == "smoke":
        check = check_rows if order["run"]["sequence_tokens"] is None else check_causal
        check(load_model(module, read_result(), "cpu"))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # taking the framework down in good order costs a second of nobody's use


def check_causal(model: Any) -> None:
    """Smoke test on text: what was loaded again answers in the right shape and does not look ahead."""
    import torch

    harness = importlib.import_module("harness")
    vocab, length = harness.vocab_size(), 32
    tokens = torch.randint(0, vocab, (2, length))
    changed = tokens.clone()
    changed[:, length // 2 :] = torch.randint(0, vocab, (2, length - length // 2))
    with torch.no_grad():
        first, second = model(tokens).float(), model(changed).float()
    if tuple(first.shape) != (2, length, vocab):
        raise SystemExit(f"smoke: forward gives {tuple(first.shape)}, not {(2, length, vocab)}")
    if not torch.isfinite(first).all():
        raise SystemExit("smoke: forward gives values that are not finite")
    if not torch.allclose(first[:, : length // 2], second[:, : length // 2], atol=1e-3):
        raise SystemExit("smoke: predictions used later tokens")


def check_rows(model: Any) -> None:
    """Smoke test on arrays: what was loaded again answers finite numbers for a row, from that row alone."""
    import torch

    inputs = importlib.import_module("harness").training_rows()[0][:4]
    with torch.no_grad():
        together, alone = model(inputs).float(), model(inputs[:1]).float()
    if together.ndim != 2 or len(together) != len(inputs):
        raise SystemExit(f"smoke: forward gives {tuple(together.shape)} for {len(inputs)} rows")
    if not torch.isfinite(together).all():
        raise SystemExit("smoke: forward gives values that are not finite")
    if not torch.allclose(together[:1], alone, atol=1e-3):
        raise SystemExit("smoke: predictions depended on other rows")


# --- serve ------------------------------------------------------------------------------------


def load_model(module: Any, result: dict[str, Any], device: str) -> Any:
    """The candidate's model with its saved weights, in evaluation mode."""
    from safetensors.torch import load_file

    model = module.build_model(result["config"]).to(device)
    model.load_state_dict(load_file(OUT / "model.safetensors", device=device), strict=True)
    return model.eval()


def serve(mode: str) -> None:
    """Answer the host: hand over, load, then one reply for each batch of rows."""
    wire_in, wire_out = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a candidate's print is not a reply
    if mode != "hold":
        import safetensors.torch  # noqa: F401 - warm before it is needed

    wire_out.write(READY)
    wire_out.flush()
    model, device = None, "cpu"
    while True:
        order = read_message(wire_in)
        if order["do"] == "hand_over":
            write_message(wire_out, hand_over(order["max_weights_bytes"]))
        elif order["do"] == "load":
            take_files(order, wire_in)
            prepare_candidate(order)
            device = order["run"]["device"]
            model = load_model(import_candidate(order), read_result(), device)
            write_message(wire_out, {"loaded": True})
        elif order["do"] == "claim":
            rows = read_rows(wire_in, order).to(device)
            write_chunks(wire_out, claim(model, device, rows))
        elif order["do"] == "answer":
            rows = read_rows(wire_in, order).to(device)
            write_chunks(wire_out, answer(model, device, rows, order["cuts"], order["vocab"]))
        elif order["do"] == "predict":
            inputs = read_inputs(wire_in, order).to(device)
            write_chunks(wire_out, predict(model, device, inputs, order["outputs"]))


def read_rows(stream: BinaryIO, order: dict[str, Any]) -> Any:
    """The token ids that follow an order: int64 [rows, columns]."""
    import torch

    raw = bytearray(read_exactly(stream, 2 * order["rows"] * order["columns"]))
    return torch.frombuffer(raw, dtype=torch.uint16).view(order["rows"], -1).long()


def read_inputs(stream: BinaryIO, order: dict[str, Any]) -> Any:
    """The numbers that follow an order: float32 of the shape that it names."""
    import torch

    raw = bytearray(read_exactly(stream, 4 * math.prod(order["shape"])))
    return torch.frombuffer(raw, dtype=torch.float32).view(order["shape"])


def forward(model: Any, device: str, inputs: Any) -> Any:
    """The model's outputs as it gives them, without gradients; bfloat16 autocast on a card."""
    import torch

    with torch.no_grad(), torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda"):
        return model(inputs).detach()


def claim(model: Any, device: str, tokens: Any) -> bytes:
    """Negative log-likelihood in nats of each row's tokens after the first: float32, row by row."""
    import torch

    logits = forward(model, device, tokens[:, :-1]).float().flatten(0, 1)
    losses = torch.nn.functional.cross_entropy(logits, tokens[:, 1:].flatten(), reduction="none")
    return losses.float().cpu().numpy().astype("<f4").tobytes()


def answer(model: Any, device: str, inputs: Any, cuts: list[int], vocab: int) -> bytes:
    """The logits of each row at its cut alone: float32 [B, V], row by row."""
    logits = forward(model, device, inputs)
    if logits.shape[-1] != vocab:
        raise SystemExit(f"forward gives {logits.shape[-1]} logits a token, not {vocab}")
    chosen = logits[range(len(cuts)), cuts]
    return chosen.float().cpu().numpy().astype("<f4").tobytes()


def predict(model: Any, device: str, inputs: Any, outputs: int) -> bytes:
    """So many numbers for each row: float32 [B, outputs], row by row."""
    answers, wanted = forward(model, device, inputs), (len(inputs), outputs)
    if tuple(answers.shape) != wanted:
        raise SystemExit(f"forward gives {tuple(answers.shape)}, not {wanted}")
    return answers.float().cpu().numpy().astype("<f4").tobytes()


# --- trusted data -----------------------------------------------------------------------------


def receive() -> None:
    """Take the files that /data lacks. The order names each with its size and SHA-256."""
    wire_in, wire_out = sys.stdin.buffer, sys.stdout.buffer
    wire_out.write(READY)
    wire_out.flush()
    order = read_message(wire_in)
    missing = [entry for entry in order["files"] if not marker(entry).exists()]
    write_message(wire_out, {"missing": [entry["name"] for entry in missing]})
    for entry in missing:
        receive_file(entry, wire_in)
    write_message(wire_out, {"complete": True})


def marker(entry: dict[str, Any]) -> Path:
    """An empty file whose name says that this very content has arrived whole."""
    return DATA / f".{entry['name']}.{entry['sha256']}"


def receive_file(entry: dict[str, Any], stream: BinaryIO) -> None:
    """Write one file under a temporary name, check its hash, then give it its name."""
    temporary, digest, left = DATA / f".part-{os.getpid()}-{entry['name']}", hashlib.sha256(), entry["bytes"]
    with temporary.open("wb") as target:
        while left:
            block = read_exactly(stream, min(left, 1 << 20))
            digest.update(block)
            target.write(block)
            left -= len(block)
        target.flush()
        os.fsync(target.fileno())
    if digest.hexdigest() != entry["sha256"]:
        raise SystemExit(f"{entry['name']} arrived with another checksum")
    temporary.chmod(0o444)
    temporary.rename(DATA / entry["name"])
    marker(entry).touch()


def stdlib() -> None:
    """Each source file of the standard library, its tests left out, as one JSON line."""
    root = Path(sysconfig.get_paths()["stdlib"])
    skipped = {"site-packages", "dist-packages", "test", "tests", "idle_test", "__pycache__"}
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root)
        if skipped.isdisjoint(name.parts):
            text = path.read_bytes().decode("utf-8", "ignore")
            sys.stdout.write(json.dumps({"name": str(name), "text": text}) + "\n")


def main(mode: str) -> None:
    """Run one mode; see the module's docstring."""
    if mode in {"train", "smoke", "bare"}:
        train(mode)
    elif mode in {"serve", "hold"}:
        serve(mode)
    else:
        {"receive": receive, "stdlib": stdlib}[mode]()


if __name__ == "__main__":
    main(sys.argv[1])
