"""Whose containers are whose, and what becomes of them when their owner is gone.

Every container and volume carries the run's tag and its owner: host, process and the time the
process was born, so that a recycled process number is not mistaken for the owner. A guard process
waits beside each run: when the run dies, however it dies, the guard removes what it left.
"""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from orchestrator.errors import OrchestratorError
from orchestrator.sandbox.container import RUN_LABEL
from orchestrator.sandbox.engine import Engine

OWNER_LABEL = "autoresearch.owner"


def owner_of(pid: int) -> str:
    """`host/pid/birth` of a process; birth is in clock ticks since the machine started, 0 if gone."""
    with contextlib.suppress(OSError, IndexError):
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return f"{platform.node()}/{pid}/{after_name[19]}"
    return f"{platform.node()}/{pid}/0"


def is_orphan(labels: Mapping[str, str]) -> bool:
    """Whether the owner that the labels name was a process of this host that no longer lives."""
    owner = labels.get(OWNER_LABEL, "")
    host, _, rest = owner.partition("/")
    pid = rest.partition("/")[0]
    return host == platform.node() and pid.isdigit() and owner_of(int(pid)) != owner


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
def guarded() -> Iterator[None]:
    """Keep a guard beside this process: it reaps what we still own when we leave or are gone."""
    command = [sys.executable, "-m", "orchestrator.sandbox.ownership", owner_of(os.getpid())]
    guard = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603 - our own
    try:
        yield
    finally:
        if guard.stdin:
            guard.stdin.close()
        guard.wait()


def main(owner: str) -> int:
    """Wait until the other end of standard input is gone, then remove what `owner` left."""
    sys.stdin.buffer.read()
    try:
        reap(Engine.connect(), lambda labels: labels.get(OWNER_LABEL) == owner)
    except OrchestratorError as error:
        sys.stderr.write(f"guard: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
