"""Graphics cards: which the machine has, and how one of them is granted to a container.

NVIDIA cards come through CDI where the engine knows the card by that name, else through the
container toolkit's runtime hook; AMD cards are the kernel's own device nodes. One card is granted
by its identity, never "all", and nothing of a card reaches a container that was granted none. Of a
card that is split (MIG), one instance is granted, and only the one that the user named.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from orchestrator.errors import SetupError

QUERY_SECONDS = 10.0
_FIELDS = "uuid,name,memory.total,mig.mode.current"

Query = Callable[[Sequence[str]], str]


@dataclass(frozen=True, slots=True)
class Gpu:
    """One card: `identity` is NVIDIA's UUID or AMD's render node.

    `split` says whether it is whole, a card in MIG mode, or one instance of such a card.
    """

    vendor: Literal["nvidia", "amd"]
    identity: str
    name: str
    memory_mib: int = 0
    split: Literal["whole", "card", "instance"] = "whole"


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
    return _grant(_usable(fitting, pinned), runtimes, cdi_devices)


def _usable(fitting: Sequence[Gpu], pinned: str) -> Gpu:
    """The first whole card, or the MIG instance that was named. Raises SetupError."""
    for gpu in fitting:
        if gpu.split == "whole" or (gpu.split == "instance" and pinned):
            return gpu
    instances = [gpu.identity for gpu in fitting if gpu.split == "instance"]
    raise SetupError(
        f"{fitting[0].name} is split (MIG), and which instance to use was not said",
        remedy=f"set AUTORESEARCH_GPU to a MIG UUID ({', '.join(instances) or 'nvidia-smi -L lists them'})",
    )


def check_runtime(grant: Grant, runtime: str, arguments: Sequence[str]) -> None:
    """Raises SetupError when the policy's runtime, started by the engine with `arguments`, cannot pass
    the card on: gVisor does so only when it is told to, and with whole NVIDIA cards alone."""
    gpu = grant.gpu
    if gpu is None or runtime != "runsc":
        return
    if gpu.vendor != "nvidia" or gpu.split != "whole":
        raise SetupError(
            f"gVisor cannot pass on {gpu.name}: it knows whole NVIDIA cards only",
            remedy="set sandbox.runtime: runc, or sandbox.device: cpu",
        )
    if not {"--nvproxy", "--nvproxy=true", "-nvproxy", "-nvproxy=true"} & set(arguments):
        raise SetupError(
            f"gVisor is not set up to pass on {gpu.name}: its nvproxy is off",
            remedy="register runsc with --nvproxy in the engine's runtimeArgs, or set sandbox.device: cpu",
        )


def _grant(gpu: Gpu, runtimes: Sequence[str], cdi_devices: Sequence[str]) -> Grant:
    if gpu.vendor == "amd":
        nodes = ("/dev/kfd", gpu.identity)
        devices = [{"PathOnHost": n, "PathInContainer": n, "CgroupPermissions": "rw"} for n in nodes]
        return Grant(gpu, {"Devices": devices, "GroupAdd": _owning_groups(nodes)}, {})
    environment = {"NVIDIA_DRIVER_CAPABILITIES": "compute,utility"}
    cdi_name = f"nvidia.com/gpu={gpu.identity}"
    if cdi_name in cdi_devices:
        hidden = NO_GPU.environment  # from the toolkit's hook, which must not add another card
        return Grant(gpu, {"DeviceRequests": [_request("cdi", cdi_name, [])]}, {**environment, **hidden})
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
    table = _answer(query, f"--query-gpu={_FIELDS}", "--format=csv,noheader,nounits")
    cards = [card for line in table.splitlines() if (card := _row(line))]
    return [*cards, *_instances(query)] if any(card.split == "card" for card in cards) else cards


def _answer(query: Query, *arguments: str) -> str:
    """What nvidia-smi prints; nothing where it is not installed. Raises SetupError."""
    try:
        return query(["nvidia-smi", *arguments])
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
        return ""


def _row(line: str) -> Gpu | None:
    """One line of NVIDIA's table; None for anything else that it prints."""
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) not in {3, 4} or not cells[0].startswith("GPU-"):
        return None
    split: Literal["card", "whole"] = "card" if cells[3:] == ["Enabled"] else "whole"
    return Gpu("nvidia", cells[0], cells[1], int(cells[2]) if cells[2].isdigit() else 0, split)


def _instances(query: Query) -> list[Gpu]:
    """The MIG instances that `nvidia-smi -L` lists below their cards."""
    line = r"^\s+MIG (\S+)\s+Device\s+\d+: \(UUID: (MIG-[^)]+)\)"
    found = re.findall(line, _answer(query, "-L"), re.MULTILINE)
    return [Gpu("nvidia", identity, f"MIG {profile}", split="instance") for profile, identity in found]


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
