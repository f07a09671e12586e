"""What each container is created with: the engine's own JSON, made from the policy alone.

No host path is ever mounted. Data comes from a read-only volume, the candidate's files through
standard input, and what it saves stays on a size-capped tmpfs volume.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from orchestrator.policy import SandboxPolicy
from orchestrator.sandbox.gpu import NO_GPU, Grant

Mode = Literal["train", "smoke", "bare", "serve", "hold", "receive", "stdlib"]

RUN_LABEL = "autoresearch.run"
ATTEMPT_LABEL = "autoresearch.attempt"
DATA_LABEL = "autoresearch.data"
DEVICE_LABEL = "autoresearch.device"
NOBODY = 65534
# Unused by systemd, given to nobody by Debian so far, and mapped by a rootless engine. The kernel counts
# processes, pipes and descriptors in flight by user over all containers, so containers that run beside each
# other share none.
TRAINING_USERS = range(60578, 61184)
SMOKE_USERS = range(65520, 65534)
RUNNER = "/opt/autoresearch/runner.py"
MIB = 1024 * 1024
BESIDE_TRAINING = 256  # of the 1024 shares that any other container has of a busy processor


@dataclass(frozen=True, slots=True)
class Outfit:
    """What all containers of one run have in common. Without `framework` they start in a tenth of the time,
    and import it only when a model is loaded."""

    image: str
    policy: SandboxPolicy
    seccomp: str
    cpus: float
    labels: Mapping[str, str]
    data_volume: str = ""
    grant: Grant = field(default=NO_GPU)
    framework: bool = True
    user: int = NOBODY

    def __post_init__(self) -> None:
        json.loads(self.seccomp)

    @property
    def training(self) -> Mode:
        """The mode of the container that runs a candidate's `main`."""
        return "train" if self.framework else "bare"

    @property
    def serving(self) -> Mode:
        """The mode of the container that loads its model."""
        return "serve" if self.framework else "hold"


def container_body(outfit: Outfit, mode: Mode, *, out_volume: str = "") -> dict[str, Any]:
    """The API body of one container. Everything that a candidate may touch is decided here."""
    return {
        "Image": outfit.image,
        "Entrypoint": ["python3", RUNNER],
        "Cmd": [mode],
        "User": "0:0" if mode == "receive" else f"{outfit.user}:{outfit.user}",
        "Env": [f"{name}={value}" for name, value in sorted(_environment(outfit, mode).items())],
        "Labels": dict(outfit.labels),
        "WorkingDir": "/",
        "NetworkDisabled": True,
        "OpenStdin": True,
        "StdinOnce": True,
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "Tty": False,
        "HostConfig": _host_config(outfit, mode, out_volume),
    }


def output_options(policy: SandboxPolicy, user: int = NOBODY) -> dict[str, str]:
    """Options of the local volume driver for a size-capped /out that only one user may enter."""
    limits = f"size={policy.output_mib}m,nr_inodes={policy.output_files}"
    owner = f"uid={user},gid={user},mode=0700"
    return {"type": "tmpfs", "device": "tmpfs", "o": f"{limits},{owner},noexec,nosuid,nodev"}


def _environment(outfit: Outfit, mode: Mode) -> dict[str, str]:
    threads = str(max(1, int(outfit.cpus)))
    base = {
        "HOME": "/work",
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": threads,
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONHASHSEED": "0",
        "TMPDIR": "/tmp",  # noqa: S108 - the container's own tmpfs
        "TORCHINDUCTOR_CACHE_DIR": "/work/inductor",
        "TORCHINDUCTOR_CPP_CACHE_PRECOMPILE_HEADERS": "0",  # 100 MiB of /tmp for one compile
        "TRITON_CACHE_DIR": "/work/triton",
        "USER": "candidate",  # the user has no name, and some libraries want one
    }
    return base | (dict(outfit.grant.environment) if _on_device(mode) else dict(NO_GPU.environment))


def _on_device(mode: Mode) -> bool:
    return mode in {"train", "bare", "serve", "hold"}


def _host_config(outfit: Outfit, mode: Mode, out_volume: str) -> dict[str, Any]:
    policy = outfit.policy
    memory = policy.memory_mib * MIB
    return {
        "NetworkMode": policy.network,
        "ReadonlyRootfs": True,
        "Privileged": False,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges", f"seccomp={outfit.seccomp}"],
        "Runtime": policy.runtime,
        "Init": True,
        "IpcMode": "private",
        "CgroupnsMode": "private",
        "PidsLimit": policy.pids,
        "Memory": memory,
        "MemorySwap": memory,
        "NanoCpus": int(outfit.cpus * 1e9),
        "CpuShares": BESIDE_TRAINING if mode == "smoke" else 0,
        "OomScoreAdj": 500,
        "ShmSize": policy.shm_mib * MIB,
        "Ulimits": [
            {"Name": "core", "Hard": 0, "Soft": 0},
            {"Name": "nofile", "Hard": policy.open_files, "Soft": policy.open_files},
        ],
        "Tmpfs": _tmpfs(policy, outfit.user),
        "Mounts": _mounts(outfit, mode, out_volume),
        "LogConfig": {"Type": "none", "Config": {}},
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
    } | (dict(outfit.grant.host_config) if _on_device(mode) else {})


def _tmpfs(policy: SandboxPolicy, user: int) -> dict[str, str]:
    """Scratch space: only /work allows exec, because compiled kernels are loaded from there."""
    owner = f"uid={user},gid={user},mode=0700"
    return {
        "/tmp": f"rw,noexec,nosuid,nodev,size={policy.tmp_mib}m,mode=1777",  # noqa: S108 - the container's
        "/work": f"rw,exec,nosuid,nodev,size={policy.work_mib}m,{owner}",
    }


def _mounts(outfit: Outfit, mode: Mode, out_volume: str) -> list[dict[str, Any]]:
    mounts, trains, serves = [], mode in {"train", "smoke", "bare"}, mode in {"serve", "hold"}
    if trains or mode == "receive":
        mounts.append(_volume(outfit.data_volume, "/data", read_only=mode != "receive"))
    if trains or serves:
        mounts.append(_volume(out_volume, "/out", read_only=serves))
    return mounts


def _volume(name: str, target: str, *, read_only: bool) -> dict[str, Any]:
    return {
        "Type": "volume",
        "Source": name,
        "Target": target,
        "ReadOnly": read_only,
        "VolumeOptions": {"NoCopy": True},
    }
