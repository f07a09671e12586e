"""Graphics cards: which the machine has, and how one of them is granted to a container.

NVIDIA cards come through CDI where the engine knows the card by that name, else through the
container toolkit's runtime hook; AMD cards are the kernel's own device nodes. One card is granted
by its identity, never "all", and nothing of a card reaches a container that was granted none.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from orchestrator.errors import SetupError

QUERY_SECONDS = 10.0
_FIELDS = "uuid,name,memory.total"

Query = Callable[[Sequence[str]], str]


@dataclass(frozen=True, slots=True)
class Gpu:
    """One card: `identity` is NVIDIA's UUID or AMD's render node."""

    vendor: Literal["nvidia", "amd"]
    identity: str
    name: str
    memory_mib: int = 0


@dataclass(frozen=True, slots=True)
class Grant:
    """What a container gets of a card: host configuration and environment."""

    gpu: Gpu | None
    host_config: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def device(self) -> Literal["cpu", "cuda"]:
        """The framework's word for it; ROCm builds say cuda too."""
        return "cuda" if self.gpu else "cpu"


NO_GPU = Grant(gpu=None, environment={"NVIDIA_VISIBLE_DEVICES": "void"})


def find_gpus(query: Query | None = None, dev: Path = Path("/dev")) -> tuple[Gpu, ...]:
    """Every card of this machine, NVIDIA's first.

    Raises SetupError when the NVIDIA driver is installed but hangs or fails.
    """
    return (*_nvidia(query or _run), *_amd(dev))


def choose_grant(
    wanted: Literal["auto", "cpu", "nvidia", "amd"],
    gpus: Sequence[Gpu],
    *,
    runtimes: Sequence[str],
    cdi_devices: Sequence[str],
    pinned: str = "",
) -> Grant:
    """The card that a policy asks for, as the engine can grant it; `auto` falls back to the CPU
    only where there is no card at all.

    `pinned` names one card by its identity. Raises SetupError when what was asked for is not there.
    """
    if wanted == "cpu":
        return NO_GPU
    fitting = [gpu for gpu in gpus if wanted in ("auto", gpu.vendor) and pinned in ("", gpu.identity)]
    if not fitting:
        if wanted == "auto" and not pinned:
            return NO_GPU
        what = pinned or f"{wanted} card"
        raise SetupError(f"there is no {what} on this machine", remedy="set sandbox.device: cpu")
    return _grant(fitting[0], runtimes, cdi_devices)


def _grant(gpu: Gpu, runtimes: Sequence[str], cdi_devices: Sequence[str]) -> Grant:
    if gpu.vendor == "amd":
        nodes = ("/dev/kfd", gpu.identity)
        devices = [{"PathOnHost": n, "PathInContainer": n, "CgroupPermissions": "rw"} for n in nodes]
        return Grant(gpu, {"Devices": devices, "GroupAdd": _owning_groups(nodes)}, {})
    environment = {"NVIDIA_DRIVER_CAPABILITIES": "compute,utility"}
    cdi_name = f"nvidia.com/gpu={gpu.identity}"
    if cdi_name in cdi_devices:
        return Grant(gpu, {"DeviceRequests": [_request("cdi", cdi_name, [])]}, environment)
    if "nvidia" in runtimes or shutil.which("nvidia-container-runtime-hook"):
        request = _request("nvidia", gpu.identity, [["gpu", "compute", "utility"]])
        return Grant(gpu, {"DeviceRequests": [request]}, environment)
    raise SetupError(
        f"the engine cannot grant {gpu.name}: it knows neither CDI devices nor the NVIDIA runtime",
        remedy="install nvidia-container-toolkit, run 'nvidia-ctk runtime configure', restart the engine",
    )


def _request(driver: str, identity: str, capabilities: list[list[str]]) -> dict[str, Any]:
    return {
        "Driver": driver,
        "Count": 0,
        "DeviceIDs": [identity],
        "Capabilities": capabilities or None,
        "Options": {} if driver == "nvidia" else None,
    }


def _owning_groups(nodes: Sequence[str]) -> list[str]:
    """The numeric groups that own the nodes: AMD's are group-readable for render and video."""
    return sorted({str(Path(node).stat().st_gid) for node in nodes if Path(node).exists()})


def _nvidia(query: Query) -> list[Gpu]:
    try:
        table = query(["nvidia-smi", f"--query-gpu={_FIELDS}", "--format=csv,noheader,nounits"])
    except subprocess.TimeoutExpired:
        raise SetupError(
            "nvidia-smi does not answer: a card may have fallen off the bus",
            remedy="look at 'dmesg | grep Xid', or set sandbox.device: cpu",
        ) from None
    except subprocess.CalledProcessError as error:
        said = str(error.stdout or error.stderr or "").strip().splitlines()
        raise SetupError(
            f"nvidia-smi fails: {said[0] if said else f'exit code {error.returncode}'}",
            remedy="mend the driver, or set sandbox.device: cpu",
        ) from None
    except OSError:
        return []
    rows = [[cell.strip() for cell in line.split(",")] for line in table.splitlines()]
    return [
        Gpu("nvidia", row[0], row[1], int(row[2]) if row[2].isdigit() else 0)
        for row in rows
        if len(row) == 3 and row[0].startswith("GPU-")
    ]


def _amd(dev: Path) -> list[Gpu]:
    if not (dev / "kfd").exists():
        return []
    nodes = sorted((dev / "dri").glob("renderD*"))
    return [Gpu("amd", str(node), f"AMD {node.name}") for node in nodes]


def _run(command: Sequence[str]) -> str:
    finished = subprocess.run(  # noqa: S603 - a fixed command
        list(command), capture_output=True, text=True, timeout=QUERY_SECONDS, check=True
    )
    return finished.stdout
