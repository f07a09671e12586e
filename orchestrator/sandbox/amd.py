"""An AMD card as the kernel describes it in /sys: memory and compute processes.

The kernel has no plain file for slow-downs or faults, so neither is known of an AMD card.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from orchestrator.sandbox.hygiene import CardFault, CardState, Process

SYS = Path("/sys")


class AmdCard:
    """A card by its render node, such as /dev/dri/renderD128."""

    def __init__(self, node: str, sys: Path = SYS) -> None:
        self._device = sys / "class" / "drm" / Path(node).name / "device"
        self._kfd = sys / "class" / "kfd" / "kfd"
        self._compute_id = self._find_compute_id(Path(node).name.removeprefix("renderD"))

    def await_xids(self, seconds: float) -> list[int]:
        time.sleep(seconds)
        return []

    def sample(self) -> tuple[tuple[str, ...], tuple[Process, ...]]:
        return (), self._processes()

    def look(self) -> CardState:
        """Raises CardFault when the card's files are gone, as they are when it fell off the bus."""
        try:
            used, total = (self._number(f"mem_info_vram_{which}") for which in ("used", "total"))
        except (OSError, ValueError) as error:
            raise CardFault(f"{self._device}: {error}") from None
        return CardState(used_bytes=used, total_bytes=total, processes=self._processes())

    def _number(self, name: str) -> int:
        return int((self._device / name).read_text())

    def _find_compute_id(self, minor: str) -> str:
        """The compute driver's own number of this card; empty when it has none."""
        for properties in sorted(self._kfd.glob("topology/nodes/*/properties")):
            with contextlib.suppress(OSError):
                if f"drm_render_minor {minor}" in properties.read_text().splitlines():
                    return (properties.parent / "gpu_id").read_text().strip()
        return ""

    def _processes(self) -> tuple[Process, ...]:
        return tuple(
            Process(int(folder.name), used)
            for folder in sorted(self._kfd.glob("proc/[0-9]*"))
            if (used := self._held_by(folder))
        )

    def _held_by(self, folder: Path) -> int:
        with contextlib.suppress(OSError, ValueError):
            return int((folder / f"vram_{self._compute_id}").read_text())
        return 0
