"""An NVIDIA card as its driver describes it: the one owner of the NVML bindings.

Runs in a process of its own (see `probe.py`), because a call into a driver that hangs never returns.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pynvml

from orchestrator.sandbox.hygiene import CardFault, CardState, Process, clock_reasons, xids_in

KERNEL_LOG = Path("/dev/kmsg")
_RECOVERIES = {
    1: "a reset of the card",
    2: "a reboot of the machine",
    3: "draining the peers",
    4: "draining and a reset of the card",
    5: "recovering the IMEX domain",
    6: "a reset of the bus",
    7: "a reboot of the system",
}


class NvmlCard:
    """A card, or a MIG instance, by its UUID. Raises CardFault for whatever NVML refuses."""

    def __init__(self, identity: str, kernel_log: Path = KERNEL_LOG) -> None:
        with _mapped():
            pynvml.nvmlInit()
            self._handle = pynvml.nvmlDeviceGetHandleByUUID(identity)
            whole = pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle
            self._card = whole(self._handle) if identity.startswith("MIG-") else self._handle
            self._bus = _bus(pynvml.nvmlDeviceGetPciInfo(self._card).busId)
            self._events = _optional(None, lambda: _event_set(self._card))
        self._log = KernelLog(kernel_log)

    def await_xids(self, seconds: float) -> list[int]:
        """The Xids that were heard of within so many seconds, each source's words for one counted once."""
        heard = xids_in(self._log.records(), self._bus)
        if self._events is None:
            time.sleep(seconds)
            return heard
        try:
            event = pynvml.nvmlEventSetWait_v2(self._events, int(seconds * 1000))
        except pynvml.NVMLError:
            return heard  # time is up; a card that is lost says so at the next look
        return list(dict.fromkeys([*heard, int(event.eventData)]))

    def sample(self) -> tuple[tuple[str, ...], tuple[Process, ...]]:
        """Why the clocks are as they are, and who computes, at this moment."""
        with _mapped():
            return self._reasons(), self._processes()

    def look(self) -> CardState:
        with _mapped():
            used, total = _optional((0, 0), lambda: _memory(self._handle))
            return CardState(
                used_bytes=used,
                total_bytes=total,
                processes=self._processes(),
                clock_reasons=self._reasons(),
                rows_pending=_optional(False, lambda: _rows_pending(self._card)),
                recovery=_optional("", lambda: _recovery(self._card)),
                temperature_celsius=_optional(None, lambda: _celsius(self._card)),
                clock_mhz=_optional(None, lambda: _clock_mhz(self._card)),
            )

    def _reasons(self) -> tuple[str, ...]:
        bits = _optional(None, lambda: pynvml.nvmlDeviceGetCurrentClocksEventReasons(self._card))
        if bits is None:  # the name that older drivers know
            bits = _optional(0, lambda: pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(self._card))
        return clock_reasons(bits)

    def _processes(self) -> tuple[Process, ...]:
        found = _optional([], lambda: pynvml.nvmlDeviceGetComputeRunningProcesses(self._handle))
        return tuple(Process(each.pid, each.usedGpuMemory or 0) for each in found)


class KernelLog:
    """What the kernel logs from now on; nothing where this user may not read it."""

    def __init__(self, path: Path) -> None:
        self._descriptor = -1
        with contextlib.suppress(OSError):
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            os.lseek(self._descriptor, 0, os.SEEK_END)

    def records(self) -> list[str]:
        return list(self._unread()) if self._descriptor >= 0 else []

    def _unread(self) -> Iterator[str]:
        while True:
            try:
                record = os.read(self._descriptor, 8192)
            except BrokenPipeError:
                continue  # older records were overwritten; the next read goes on behind them
            except OSError:
                return
            if not record:
                return
            yield from record.decode("utf-8", "replace").splitlines()


@contextlib.contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except pynvml.NVMLError as error:
        raise CardFault(str(error)) from None


def _optional(default: Any, ask: Callable[[], Any]) -> Any:
    """What the driver says, or the default where card or driver do not know the question."""
    try:
        return ask()
    except (
        pynvml.NVMLError_NotSupported,
        pynvml.NVMLError_FunctionNotFound,
        pynvml.NVMLError_InvalidArgument,  # of a MIG instance, in some drivers
        pynvml.NVMLError_NoPermission,
    ):
        return default


def _event_set(card: Any) -> Any:
    events = pynvml.nvmlEventSetCreate()
    pynvml.nvmlDeviceRegisterEvents(card, pynvml.nvmlEventTypeXidCriticalError, events)
    return events


def _bus(identity: str | bytes) -> str:
    """NVML's `00000000:3B:00.0` as the kernel writes it: `0000:3b:00`."""
    text = identity.decode() if isinstance(identity, bytes) else identity
    domain, _, rest = text.lower().partition(":")
    return f"{domain[-4:]}:{rest.partition('.')[0]}"


def _memory(handle: Any) -> tuple[int, int]:
    """Bytes used and there are; what the driver keeps for itself is not used."""
    try:
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle, version=pynvml.nvmlMemory_v2)
    except pynvml.NVMLError_FunctionNotFound:
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return int(memory.used), int(memory.total)


def _celsius(card: Any) -> int:
    return int(pynvml.nvmlDeviceGetTemperature(card, pynvml.NVML_TEMPERATURE_GPU))


def _clock_mhz(card: Any) -> int:
    return int(pynvml.nvmlDeviceGetClockInfo(card, pynvml.NVML_CLOCK_SM))


def _rows_pending(card: Any) -> bool:
    try:
        return bool(pynvml.nvmlDeviceGetRemappedRows(card)[2])
    except (pynvml.NVMLError_NotSupported, pynvml.NVMLError_FunctionNotFound):
        return bool(pynvml.nvmlDeviceGetRetiredPagesPendingStatus(card))


def _recovery(card: Any) -> str:
    (answer,) = pynvml.nvmlDeviceGetFieldValues(card, [pynvml.NVML_FI_DEV_GET_GPU_RECOVERY_ACTION])
    if answer.nvmlReturn != pynvml.NVML_SUCCESS or not answer.value.uiVal:
        return ""
    return _RECOVERIES.get(answer.value.uiVal, f"recovery action {answer.value.uiVal}")
