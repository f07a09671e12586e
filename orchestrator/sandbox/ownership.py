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
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from orchestrator.errors import OrchestratorError
from orchestrator.sandbox.container import RUN_LABEL
from orchestrator.sandbox.engine import Engine

OWNER_LABEL = "autoresearch.owner"
GUARD_SECONDS = 120.0


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


def reap(engine: Engine, doomed: Callable[[Mapping[str, str]], bool] = is_orphan) -> tuple[int, int]:
    """Remove every container and volume of ours whose labels are `doomed`; how many of each."""
    containers = [c for c in engine.containers(RUN_LABEL) if doomed(c.get("Labels") or {})]
    for container in containers:
        engine.remove(container["Id"])
    volumes = [v for v in engine.volumes(RUN_LABEL) if doomed(v.get("Labels") or {})]
    for volume in volumes:
        engine.remove_volume(volume["Name"])
    return len(containers), len(volumes)


@contextlib.contextmanager
def guarded(engine_host: str = "") -> Iterator[None]:
    """Keep a guard beside this process: it reaps what we still own when we leave or are gone."""
    command = [sys.executable, "-m", "orchestrator.sandbox.ownership", owner_of(os.getpid()), engine_host]
    guard = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603 - our own
    try:
        yield
    finally:
        if guard.stdin:
            guard.stdin.close()
        guard.send_signal(signal.SIGCONT)  # somebody may have stopped it
        try:
            guard.wait(GUARD_SECONDS)
        except subprocess.TimeoutExpired:
            guard.kill()
            guard.wait()


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
