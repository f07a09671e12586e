"""Whose containers are whose, and what becomes of them when their owner is gone.

Every container and volume carries the run's tag and its owner: machine, process and the time the
process was born, so that a recycled process number is not mistaken for the owner. A guard process
waits beside each run: when the run dies, however it dies, the guard removes what it left.
"""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from orchestrator.errors import OrchestratorError
from orchestrator.sandbox.container import ATTEMPT_LABEL, DEVICE_LABEL, RUN_LABEL
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.pair import fault_of, gravest

OWNER_LABEL = "autoresearch.owner"
GUARD_SECONDS = 120.0
LOOK_SECONDS = 1.0
REAPERS = 8


def owner_of(pid: int) -> str:
    """`machine/boot/namespace/pid/birth` of a process.

    `namespace` is that of process numbers; `birth` is in clock ticks since the machine started, 0 if
    there is no such process.
    """
    place = f"{_machine()}/{_read('/proc/sys/kernel/random/boot_id')}/{_pid_namespace()}"
    after_name = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return f"{place}/{pid}/{after_name[19] if len(after_name) > 19 else 0}"


def is_orphan(labels: Mapping[str, str]) -> bool:
    """Whether the owner that the labels name is known to be dead.

    It is when this machine was started again since, or when its process, in this very namespace of
    process numbers, is gone. What another machine or namespace owns is never known to be dead.
    """
    owner, me = labels.get(OWNER_LABEL, "").split("/"), owner_of(os.getpid()).split("/")
    if len(owner) != len(me) or owner[0] != me[0] or not owner[3].isdigit():
        return False
    if owner[1] != me[1]:
        return True
    return owner[2] == me[2] and owner_of(int(owner[3])).split("/") != owner


def _machine() -> str:
    return f"{platform.node()}-{_read('/etc/machine-id')}"


def _pid_namespace() -> int:
    return Path("/proc/self/ns/pid").stat().st_ino


def _read(path: str) -> str:
    with contextlib.suppress(OSError):
        return Path(path).read_text().strip()
    return ""


def reap(
    engine: Engine,
    doomed: Callable[[Mapping[str, str]], bool] = is_orphan,
    *,
    spared: Collection[str] = (),
) -> tuple[int, int]:
    """Remove every container and volume of ours whose labels are `doomed`; how many of each.

    Containers go at the same time, and one that cannot be ended keeps no other: StuckContainer is raised
    at the end. `spared` are containers that are known for that already; their volumes stay too.
    """
    found = [c for c in engine.containers(RUN_LABEL) if doomed(c.get("Labels") or {})]
    containers = [container for container in found if container["Id"] not in spared]
    with ThreadPoolExecutor(REAPERS) as reapers:
        faults = list(reapers.map(lambda each: fault_of(partial(_remove, engine, each)), containers))
    kept = {c["Labels"].get(ATTEMPT_LABEL) for c in found if c["Id"] in spared}
    volumes = [
        volume
        for volume in engine.volumes(RUN_LABEL)
        if doomed(labels := volume.get("Labels") or {}) and labels.get(ATTEMPT_LABEL) not in kept
    ]
    faults += [fault_of(partial(engine.remove_volume, volume["Name"])) for volume in volumes]
    if fault := gravest(faults):
        raise fault
    return len(containers), len(volumes)


def _remove(engine: Engine, container: Mapping[str, Any]) -> None:
    engine.remove(container["Id"], (container.get("Labels") or {}).get(DEVICE_LABEL, "cpu"))


@contextlib.contextmanager
def guarded(engine_host: str = "") -> Iterator[None]:
    """Keep a guard beside this process: it reaps what we still own when we leave or are gone."""
    with Guard(engine_host):
        yield


class Guard:
    """A process that waits until this one is gone. Should the guard itself end before, another is started."""

    def __init__(self, engine_host: str = "") -> None:
        module = [sys.executable, "-m", "orchestrator.sandbox.ownership"]
        self._command = [*module, owner_of(os.getpid()), engine_host]
        self._leaving = threading.Event()

    def __enter__(self) -> Guard:
        self._process = self._start()
        self._watch = threading.Thread(target=self._replace_the_dead, name="guard", daemon=True)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        self._watch.join()
        self._close_pipe()
        self._process.send_signal(signal.SIGCONT)  # somebody may have stopped it
        try:
            self._process.wait(GUARD_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603 - our own

    def _close_pipe(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()

    def _replace_the_dead(self) -> None:
        while not self._leaving.wait(LOOK_SECONDS):
            if self._process.poll() is not None:
                self._close_pipe()
                with contextlib.suppress(OSError):
                    self._process = self._start()


def main(owner: str, engine_host: str) -> int:
    """Wait until the other end of standard input is gone, then remove what `owner` left."""
    sys.stdin.buffer.read()
    try:
        reap(Engine.connect(engine_host), lambda labels: labels.get(OWNER_LABEL) == owner)
    except OrchestratorError as error:
        sys.stderr.write(f"guard: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
