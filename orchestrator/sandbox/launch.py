"""One container from create to gone: attested before it starts, attached while it lives."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import SandboxError
from orchestrator.sandbox import attest
from orchestrator.sandbox.container import DEVICE_LABEL
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.stream import Stream, StreamEnded

READY = b"autoresearch ready\n"


@dataclass(frozen=True, slots=True)
class Container:
    """A started container with its streams, and the digest of what the engine really made."""

    engine: Engine
    identity: str
    name: str
    stream: Stream
    config_sha256: str
    device: str = "cpu"

    def await_ready(self, seconds: float) -> None:
        """Wait for the trusted runner's first word. Raises SandboxError when it does not come."""
        deadline = time.monotonic() + seconds
        try:
            word = self.stream.read_exactly(len(READY), deadline)
        except (TimeoutError, StreamEnded) as error:
            said = self.stream.errors.text().strip().splitlines()
            silence = "no word in time" if isinstance(error, TimeoutError) else "it ended"
            why = said[-1] if said else silence
            message = f"{self.name} did not become ready: {why}"
            raise SandboxError(message, remedy="run 'autoresearch doctor'") from None
        if word != READY:
            raise SandboxError(f"{self.name} greeted with {word!r}", remedy="run 'make image'")

    def remove(self) -> None:
        """Kill, remove, and see that it is gone. Raises SandboxError, or StuckContainer, otherwise."""
        self.stream.close()
        self.engine.remove(self.identity, self.device)


def launch(engine: Engine, body: Mapping[str, Any], name: str) -> Container:
    """Create a container, compare it with `body`, attach, and start it.

    Raises SandboxError when the engine made something else; nothing is left behind then.
    """
    identity, device = engine.create(body, name), body["Labels"].get(DEVICE_LABEL, "cpu")
    stream: Stream | None = None
    try:
        made = engine.inspect(identity)
        if problems := attest.differences(body, made):
            raise SandboxError(
                f"the engine made another container than asked for: {problems[0]}",
                remedy="this engine cannot enforce the policy; see 'autoresearch doctor'",
            )
        stream = engine.attach(identity)
        engine.start(identity)
    except BaseException:
        if stream:
            stream.close()
        engine.remove(identity, device)
        raise
    return Container(engine, identity, name, stream, attest.digest(made), device)
