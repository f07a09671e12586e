"""Talks with a model container. Before `load` its answers are facts, after it they are claims."""

from __future__ import annotations

import builtins
import time

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import SandboxError
from orchestrator.policy import MetricPolicy
from orchestrator.ports import CandidateFault
from orchestrator.sandbox.handover import RefusedResult
from orchestrator.sandbox.launch import Container
from orchestrator.sandbox.order import framed
from orchestrator.sandbox.stream import StreamEnded
from orchestrator.text import sanitise_line

CHUNK_BYTES = 32 * 1024
MAX_REPLY_BYTES = 1 << 20
PREDICTING = "predicting"
WRONG_SHAPE = "forward gives another shape than the task wants"
KNOWN_ERRORS = frozenset(name for name, kind in vars(builtins).items() if isinstance(kind, type)) | {
    "torch.OutOfMemoryError",
    "torch.AcceleratorError",
}


class DockerModel:
    """The port `Model` over a container's standard streams."""

    def __init__(self, container: Container, metric: MetricPolicy) -> None:
        self._container = container
        self._frame_seconds = metric.frame_seconds

    def claim(self, rows: NDArray[np.uint16]) -> NDArray[np.float32]:
        """See the port. One deadline covers sending the rows and receiving every number."""
        count, columns = rows.shape
        order = {"do": "claim", "rows": count, "columns": columns}
        reply = self._asked(framed(order) + rows.astype("<u2").tobytes(), 4 * count * (columns - 1))
        return np.frombuffer(reply, dtype="<f4").reshape(count, columns - 1)

    def answer(
        self, inputs: NDArray[np.uint16], cuts: NDArray[np.int64], vocab_size: int
    ) -> NDArray[np.float32]:
        """See the port; one deadline as in `claim`."""
        count, columns = inputs.shape
        order = {"do": "answer", "rows": count, "columns": columns}
        order |= {"cuts": cuts.tolist(), "vocab": vocab_size}
        reply = self._asked(framed(order) + inputs.astype("<u2").tobytes(), 4 * count * vocab_size)
        return np.frombuffer(reply, dtype="<f4").reshape(count, vocab_size)

    def predict(self, inputs: NDArray[np.float32], outputs: int) -> NDArray[np.float32]:
        """See the port; one deadline as in `claim`."""
        order = {"do": "predict", "shape": list(inputs.shape), "outputs": outputs}
        request = framed(order) + inputs.astype("<f4").tobytes()
        reply = self._asked(request, 4 * len(inputs) * outputs)
        return np.frombuffer(reply, dtype="<f4").reshape(len(inputs), outputs)

    def _asked(self, request: bytes, reply_bytes: int) -> bytes:
        deadline, stream = time.monotonic() + self._frame_seconds, self._container.stream
        try:
            stream.send(request, deadline)
            return stream.read_credited(reply_bytes, deadline, CHUNK_BYTES)
        except (TimeoutError, StreamEnded) as error:
            raise _fault(self._container, PREDICTING, error) from None


def hand_over(container: Container, max_weights_bytes: int, metric: MetricPolicy) -> bytes:
    """The trusted reader's reply about /out.

    Raises RefusedResult when the output takes too long to read, and SandboxError when the reader
    ended, since no candidate runs there.
    """
    deadline = time.monotonic() + metric.load_seconds
    try:
        request = framed({"do": "hand_over", "max_weights_bytes": max_weights_bytes})
        container.stream.send(request, deadline)
        return container.stream.read_message(deadline, MAX_REPLY_BYTES, CHUNK_BYTES)
    except TimeoutError:
        raise RefusedResult("the output took too long to read") from None
    except (StreamEnded, ValueError) as error:
        message = f"the reader of the output failed: {type(error).__name__}"
        raise SandboxError(message, remedy="it is repeated; see 'autoresearch doctor'") from None


def load(container: Container, order: bytes, metric: MetricPolicy) -> None:
    """Let candidate code build its model and load its weights. Raises CandidateFault."""
    deadline = time.monotonic() + metric.load_seconds
    try:
        container.stream.send(order, deadline)
        reply = container.stream.read_message(deadline, MAX_REPLY_BYTES, CHUNK_BYTES)
    except (TimeoutError, StreamEnded, ValueError) as error:
        raise _fault(container, "loading the model", error) from None
    if reply != b'{"loaded": true}':
        raise CandidateFault("loading the model gave an unexpected answer")


def _fault(container: Container, doing: str, error: Exception) -> CandidateFault:
    """What the candidate did. Raises SandboxError when it was the engine that went away."""
    container.engine.check_unbroken()
    if isinstance(error, TimeoutError):
        return CandidateFault(f"{doing} took too long")
    said = container.stream.errors.text().strip().splitlines()
    last = said[-1] if said else "it ended"
    if doing == PREDICTING:  # by now it has seen held-out text, and its words could carry some of it
        name = last.partition(":")[0].strip()
        wrong_shape = last.startswith("forward gives ")
        last = WRONG_SHAPE if wrong_shape else name if name in KNOWN_ERRORS else "an error"
    return CandidateFault(f"{doing} failed: {sanitise_line(last, 200)}")
