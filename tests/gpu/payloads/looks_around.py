"""What of cards a program can see and change from where it is."""

import ctypes
import json
import os
import sys
from pathlib import Path

import torch


def nvml_answers() -> dict[str, int]:
    """How many cards the driver's library shows, and its answers to three changes of the first."""
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return {}
    count, card = ctypes.c_uint(), ctypes.c_void_p()
    nvml.nvmlInit_v2()
    nvml.nvmlDeviceGetCount_v2(ctypes.byref(count))
    nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(card))
    return {
        "count": count.value,
        "lock_clocks": nvml.nvmlDeviceSetGpuLockedClocks(card, 210, 210),
        "power_limit": nvml.nvmlDeviceSetPowerManagementLimit(card, 100_000),
        "compute_mode": nvml.nvmlDeviceSetComputeMode(card, 2),
    }


sys.stdout.write("autoresearch ready\n")
sys.stdout.flush()
sys.stdin.readline()
seen = torch.cuda.device_count()
pipes = os.environ.get("CUDA_MPS_PIPE_DIRECTORY", "/tmp/nvidia-mps")  # noqa: S108 - where MPS puts it
found = {
    "count": seen,
    "uuids": [str(torch.cuda.get_device_properties(index).uuid) for index in range(seen)],
    "nodes": sorted(str(path) for path in Path("/dev").glob("nvidia[0-9]*")),
    "mps": Path(pipes).exists(),
    "nvml": nvml_answers(),
}
sys.stdout.write(json.dumps(found) + "\n")
