"""What hostile programs are set against: listeners on the host, a neighbour container, and canaries."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.errors import SandboxError
from orchestrator.proving.canaries import Canaries
from orchestrator.proving.controls import Places
from orchestrator.sandbox.container import Outfit, container_body, output_options
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.launch import launch
from orchestrator.sandbox.order import Shape, order_message
from orchestrator.sandbox.stream import StreamEnded

GREETING = b"reached the host\n"
MOVED_IN = b"moved in\n"
NEIGHBOUR_SECONDS = 60.0
KNOCK_SECONDS = 0.1
_LOCAL_ENGINE = "unix://"


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the host listens, what it hides, and what its programs are told (`arena`, a module's text)."""

    canaries: Canaries
    places: Places
    arena: str


@contextmanager
def set_stage(
    engine: Engine, outfit: Outfit, folder: Path, canaries: Canaries, *, neighbour: str
) -> Iterator[Stage]:
    """Plant the canaries and listen, until left; `folder` is on the host and holds the held-out text,
    `neighbour` is the source that runs in a container beside."""
    secret = folder / "host" / "secret.txt"
    secret.parent.mkdir()
    secret.write_text(canaries.file)
    (secret.parent / "setuid").touch(mode=0o600)
    (secret.parent / "setuid").chmod(0o4755)
    with ExitStack() as stack:
        stack.enter_context(_environment("AUTORESEARCH_CANARY", canaries.environment))
        volume = stack.enter_context(_neighbour(engine, outfit, canaries.neighbour, neighbour))
        stack.enter_context(_in_shared_memory(canaries.file))
        port = stack.enter_context(_listening(socket.AF_INET, ("127.0.0.1", 0)))
        abstract = f"autoresearch-{secrets.token_hex(8)}"
        stack.enter_context(_listening(socket.AF_UNIX, f"\0{abstract}"))
        datagrams = stack.enter_context(_answering())
        knocked = stack.enter_context(_knocking())
        stack.callback(_close, os.openpty())  # a terminal that somebody could type into
        places = Places(
            host_folder=str(secret.parent),
            held_out=str(folder / "data"),
            engine_socket=os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix(
                _LOCAL_ENGINE
            ),
            neighbour_volume=volume,
            secret=canaries.environment,
        )
        yield Stage(canaries, places, _arena(outfit, (port, datagrams, knocked), abstract, str(secret)))


def _arena(outfit: Outfit, ports: tuple[int, int, int], abstract: str, secret: str) -> str:
    policy = outfit.policy
    constants = {
        "HOST_PORT": ports[0],
        "HOST_DATAGRAM_PORT": ports[1],
        "HOST_KNOCKS_AT_PORT": ports[2],
        "HOST_ABSTRACT_SOCKET": abstract,
        "HOST_SECRET_PATH": secret,
        "CANARY_PREFIX": "canary-",
        "MEMORY_MIB": policy.memory_mib,
        "SHM_MIB": policy.shm_mib,
        "TMP_MIB": policy.tmp_mib,
        "WORK_MIB": policy.work_mib,
        "OUTPUT_MIB": policy.output_mib,
        "OUTPUT_FILES": policy.output_files,
        "PIDS": policy.pids,
        "OPEN_FILES": policy.open_files,
        "LOG_KIB": policy.log_kib,
        "CPUS": outfit.cpus,
    }
    return "".join(f"{name} = {value!r}\n" for name, value in constants.items())


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]


@contextmanager
def _listening(family: socket.AddressFamily, address: object) -> Iterator[int]:
    """A server that greets whoever connects; gives its port, 0 for one that has none."""
    with socket.socket(family) as server:
        server.bind(address)  # type: ignore[arg-type]
        server.listen(64)
        threading.Thread(target=_greet, args=(server,), daemon=True).start()
        yield server.getsockname()[1] if family == socket.AF_INET else 0


def _greet(server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = server.accept()
            with client, contextlib.suppress(OSError):
                client.sendall(GREETING)


@contextmanager
def _answering() -> Iterator[int]:
    """A server that answers every datagram; gives its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        threading.Thread(target=_answer, args=(server,), daemon=True).start()
        yield server.getsockname()[1]


def _answer(server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            _, sender = server.recvfrom(2048)
            server.sendto(GREETING, sender)


@contextmanager
def _in_shared_memory(secret: str) -> Iterator[None]:
    """A secret in the host's shared memory, on hosts that have it as a folder."""
    path = Path("/dev/shm") / f"autoresearch-{secrets.token_hex(6)}"  # noqa: S108 - it is the place that is meant
    if path.parent.is_dir():
        path.write_text(secret)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _knocking() -> Iterator[int]:
    """A client that tries a free port of the host again and again, and greets whoever listens there; gives
    the port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    left = threading.Event()
    threading.Thread(target=_knock, args=(port, left), daemon=True).start()
    try:
        yield port
    finally:
        left.set()


def _close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _knock(port: int, left: threading.Event) -> None:
    while not left.wait(KNOCK_SECONDS):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0) as server:
            server.sendall(GREETING)


@contextmanager
def _neighbour(engine: Engine, outfit: Outfit, secret: str, source: str) -> Iterator[str]:
    """A candidate that runs beside all others, with a secret in its environment; gives its output volume.

    It runs at the runc tier, where controls can see it: under gVisor nothing of it would ever show.
    """
    outfit = replace(outfit, policy=outfit.policy.model_copy(update={"runtime": "runc"}), framework=False)
    name = f"autoresearch-neighbour-{secrets.token_hex(6)}"
    engine.create_volume(name, output_options(outfit.policy), outfit.labels)
    try:
        body = container_body(outfit, "bare", out_volume=name)
        body["Env"] = [*body["Env"], f"NEIGHBOUR_SECRET={secret}"]
        container = launch(engine, body, name)
        try:
            container.await_ready(NEIGHBOUR_SECONDS)
            files = {"train.py": source}
            order = order_message(Shape("train.py", 1, "cpu"), files, mode="train", seconds=1.0)
            deadline, moved_in = time.monotonic() + NEIGHBOUR_SECONDS, False
            container.stream.give(order, deadline)
            with contextlib.suppress(TimeoutError, StreamEnded):
                moved_in = container.stream.read_exactly(len(MOVED_IN), deadline) == MOVED_IN
            if not moved_in:
                raise SandboxError("the neighbour did not move in", remedy="run 'autoresearch doctor'")
            yield name
        finally:
            container.remove()
    finally:
        engine.remove_volume(name)
