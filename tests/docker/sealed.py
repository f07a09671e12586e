"""One payload in one container with the flags of ours, under any profile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import docker

IMAGE = "autoresearch-sandbox:latest"
PAYLOADS = Path(__file__).parent / "payloads"
BOOT = """
import runpy, sys
path = "/work/trial.py"  # a file, for spawned workers import it
open(path, "w").write(sys.argv[1])
sys.argv[:2] = [path]
runpy.run_path(path, run_name="__main__")
"""


def run_sealed(
    profile: str, payload: str, *arguments: str, runtime: str = "runc", host: str = ""
) -> dict[str, Any]:
    """What a payload printed, as JSON, from a sealed container; without a profile the engine's own holds.

    `host` is another engine than the one that the environment names.
    """
    text = (PAYLOADS / payload).read_text(encoding="utf-8")
    client = docker.DockerClient(base_url=host) if host else docker.from_env()
    container = client.containers.create(
        IMAGE,
        ["-c", BOOT, text, *arguments],
        entrypoint=["python3"],
        user="65534:65534",
        read_only=True,
        cap_drop=["ALL"],
        network_mode="none",
        security_opt=["no-new-privileges", *([f"seccomp={profile}"] if profile else [])],
        init=True,
        tmpfs={"/work": "exec,mode=0700,uid=65534,gid=65534,size=512m", "/tmp": "mode=1777"},  # noqa: S108
        shm_size="64m",
        pids_limit=1024,
        environment={"HOME": "/work", "TORCHINDUCTOR_CACHE_DIR": "/work/inductor"},
        runtime=runtime,
    )
    try:
        container.start()
        status = container.wait()["StatusCode"]
        printed = container.logs(stderr=False).decode()
        assert status == 0, container.logs().decode()[-2000:]
        result: dict[str, Any] = json.loads(printed)
        return result
    finally:
        container.remove(force=True)
        client.close()
