"""A second engine of this machine, for tests that stop and start one: the shared one is never touched.

Its image layers are read-only bind mounts of the shared engine's, so that it has the image within a
second; everything else (containers, volumes, containerd) is its own. Needs root.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType

START_SECONDS = 60.0


class PrivateEngine:
    """`stop` and `start` a dockerd that has everything below one folder."""

    def __init__(self, folder: Path, shared_root: Path) -> None:
        self.folder = folder
        self.socket = folder / "engine.sock"
        self._shared_root = shared_root
        self._layers: dict[Path, Path] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> PrivateEngine:
        self._copy_records()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(signal.SIGTERM)
        for mount in self._mounts():
            subprocess.run(["umount", "--lazy", mount], capture_output=True, check=False)
        if not self._mounts():  # else the shared engine's layers might still be below it
            shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._mount_layers()
        (self.folder / "daemon.json").write_text(json.dumps({"bridge": "none", "iptables": False}))
        with (self.folder / "dockerd.log").open("ab") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while subprocess.run(
            ["docker", "-H", f"unix://{self.socket}", "version"], capture_output=True, check=False
        ).returncode:
            assert self._process.poll() is None, (self.folder / "dockerd.log").read_text()[-2000:]
            assert time.monotonic() < deadline, "the private engine does not answer"
            time.sleep(0.1)

    def stop(self, number: signal.Signals) -> None:
        """End the engine by a signal; a killed one leaves files that would keep the next from starting."""
        if self._process:
            self._process.send_signal(number)
            self._process.wait(60)
            self._process = None
        for stale in ("pid", "exec/containerd/containerd.pid", "exec/containerd/containerd.sock"):
            (self.folder / stale).unlink(missing_ok=True)

    def _command(self) -> list[str]:
        return [
            "dockerd",
            f"--config-file={self.folder / 'daemon.json'}",
            f"--data-root={self.folder / 'data'}",
            f"--exec-root={self.folder / 'exec'}",
            f"--pidfile={self.folder / 'pid'}",
            f"--host=unix://{self.socket}",
        ]

    def _copy_records(self) -> None:
        """What the shared engine knows of its images and of their layers, and nothing of its containers."""
        ours, theirs = self.folder / "data", self._shared_root
        records = ours / "image" / "overlay2"
        shutil.copytree(
            theirs / "image" / "overlay2", records, ignore=shutil.ignore_patterns("mounts", "tmp")
        )
        (ours / "overlay2" / "l").mkdir(parents=True)
        for cache in (records / "layerdb" / "sha256").glob("*/cache-id"):
            source = theirs / "overlay2" / cache.read_text()
            layer = ours / "overlay2" / source.name
            shutil.copytree(source, layer, ignore=shutil.ignore_patterns("diff", "work", "merged"))
            (layer / "work").mkdir()
            (layer / "diff").mkdir()
            (ours / "overlay2" / "l" / (source / "link").read_text()).symlink_to(f"../{source.name}/diff")
            self._layers[layer / "diff"] = source / "diff"

    def _mount_layers(self) -> None:
        """An engine that ends in order unmounts everything below its root, so each start does this anew."""
        mounted, root = self._mounts(), str(self.folder / "data")
        if root not in mounted:
            # Shared: an engine would lay a mount over a root that is not, and hide the layers below it.
            subprocess.run(["mount", "--bind", "--make-shared", root, root], check=True)
        for layer, source in self._layers.items():
            if str(layer) not in mounted:
                subprocess.run(["mount", "-o", "bind,ro", str(source), str(layer)], check=True)
            assert os.statvfs(layer).f_flag & os.ST_RDONLY

    def _mounts(self) -> list[str]:
        places = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        return sorted((place for place in places if place.startswith(f"{self.folder}/")), reverse=True)
