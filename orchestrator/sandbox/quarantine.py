"""Devices that a container may still hold, though nothing could end it: nothing starts on them.

One small file for each such container, below the runs, so that two runs can write at once. A device
is free again when `autoresearch reap` has seen that the container is gone; the files of another
engine are left alone.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from orchestrator.errors import SetupError, StuckContainer
from orchestrator.sandbox.engine import Engine

FOLDER = ".quarantine"
CPU = "cpu"


class Quarantine:
    """The notes of one engine in a folder."""

    def __init__(self, runs: Path, engine: Engine) -> None:
        self._folder = runs / FOLDER
        self._engine = engine
        self._engine_id = engine.identity()

    def check(self, device: str) -> None:
        """Raises SetupError when a container may still hold the device."""
        for container, held in self.notes().items():
            if held == device:
                raise SetupError(
                    f"{device} is in quarantine: container {container[:12]} could not be ended",
                    remedy=f"see to {device} and to the engine, then run 'autoresearch reap'",
                )

    def notes(self) -> Mapping[str, str]:
        """Container -> device, for this engine."""
        found = {}
        for path in sorted(self._folder.glob("*.json")):
            note = _read(path)
            if note.get("engine") == self._engine_id:
                found[path.stem] = str(note.get("device", CPU))
        return found

    @contextlib.contextmanager
    def noting(self) -> Iterator[None]:
        """Write down the container that could not be ended in here, and its device, for the next start."""
        try:
            yield
        except StuckContainer as stuck:
            self._note(stuck)
            raise

    def lift(self) -> list[str]:
        """Forget each container that is gone; the devices that they held."""
        lifted = []
        for container, device in self.notes().items():
            if self._engine.is_gone(container):
                (self._folder / f"{container}.json").unlink(missing_ok=True)
                lifted.append(device)
        return lifted

    def _note(self, stuck: StuckContainer) -> None:
        # Without a place for the note the engine's own list remains: the next start tries to remove it.
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            note = {"engine": self._engine_id, "device": stuck.device, "container": stuck.container}
            part = self._folder / f"{stuck.container}.{os.getpid()}.part"
            part.write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
            part.replace(self._folder / f"{stuck.container}.json")


def _read(path: Path) -> Mapping[str, object]:
    with contextlib.suppress(OSError, ValueError):
        note = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(note, dict):
            return note
    return {}
