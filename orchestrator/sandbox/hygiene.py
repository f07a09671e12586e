"""Whether a card is fit to measure on: what was seen of it, and the plain reasons against it.

Nothing here talks to a driver. What a candidate can bring about (its own faults in a kernel) is
recorded and excuses nothing; what the hardware, the cooling or another program did is never scored on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

MIB = 1024 * 1024

# A context that was left behind takes 300 MiB and more; a driver's own tables come and go by less than this.
SLACK_BYTES = 256 * MIB
# More of the card than this, used by no process that the driver can name, before anything of ours ran.
UNEXPLAINED_SHARE = 0.25
# Of the training time: a slow-down any longer moves the loss of a five-minute run by more than a seed does.
SLOWED_SHARE = 0.01

# What NVIDIA's catalogue answers with "restart the application": the kernels of whoever ran are at fault.
CANDIDATE_XIDS: Mapping[int, str] = {
    8: "the card waited too long for a kernel",
    13: "an illegal instruction or address in a kernel",
    31: "a memory page fault",
    43: "the card stopped working on a process",
    45: "the work of a process was cleared away",
    68: "an error in the video engine",
    69: "an illegal method of a graphics class",
    109: "a context switch took too long",
}
HARDWARE_XIDS: Mapping[int, str] = {
    46: "the card stopped working",
    48: "a double-bit memory error",
    54: "auxiliary power is not connected",
    61: "the card's microcontroller stopped at a breakpoint",
    62: "the card's microcontroller halted",
    63: "a memory page or row is being replaced",
    64: "a memory page or row could not be replaced",
    74: "an NVLink error",
    79: "the card fell off the bus",
    92: "many single-bit memory errors",
    94: "a contained memory error",
    95: "an uncontained memory error",
    110: "a security fault",
    119: "the card's own processor did not answer",
    120: "the card's own processor failed",
    140: "an uncorrected memory error",
    143: "the card could not be initialised",
}

# Bits of the driver's answer to why the clocks are not higher.
CLOCK_REASONS: Mapping[int, str] = {
    0x1: "idle",
    0x2: "application clocks",
    0x4: "software power cap",
    0x8: "hardware slowdown",
    0x10: "sync boost",
    0x20: "software thermal slowdown",
    0x40: "hardware thermal slowdown",
    0x80: "power brake",
    0x100: "display clocks",
}
SLOWDOWNS = frozenset(
    {"hardware slowdown", "software thermal slowdown", "hardware thermal slowdown", "power brake"}
)


class CardFault(Exception):  # noqa: N818 - becomes the host's error in probe.py
    """The driver does not answer for a card; the message is the driver's."""


@dataclass(frozen=True, slots=True)
class Process:
    """One compute process on the card; `cgroup` is empty where the host cannot tell."""

    pid: int
    used_bytes: int = 0
    cgroup: str = ""

    def __str__(self) -> str:
        return f"{self.used_bytes // MIB} MiB in use by process {self.pid}"


@dataclass(frozen=True, slots=True)
class CardState:
    """One look at a card. Xids, visitors and `slowed_seconds` cover the time since the look before."""

    used_bytes: int = 0
    total_bytes: int = 0
    processes: tuple[Process, ...] = ()
    clock_reasons: tuple[str, ...] = ()
    xids: tuple[int, ...] = ()
    visitors: tuple[Process, ...] = ()
    slowed_seconds: Mapping[str, float] = field(default_factory=dict)
    rows_pending: bool = False
    recovery: str = ""
    temperature_celsius: int | None = None
    clock_mhz: int | None = None

    @property
    def slowdowns(self) -> tuple[str, ...]:
        """Why the card is slower than it should be, at this moment."""
        return tuple(reason for reason in self.clock_reasons if reason in SLOWDOWNS)

    def since(self, earlier: CardState) -> CardState:
        """This look, with what the earlier one had already heard of added."""
        slowed = {
            reason: self.slowed_seconds.get(reason, 0.0) + earlier.slowed_seconds.get(reason, 0.0)
            for reason in {**earlier.slowed_seconds, **self.slowed_seconds}
        }
        seen = {process.pid: process for process in (*earlier.visitors, *self.visitors)}
        xids = (*earlier.xids, *self.xids)
        return replace(self, xids=xids, visitors=tuple(seen.values()), slowed_seconds=slowed)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> CardState:
        """Raises KeyError, TypeError or ValueError for anything but what `to_json` gave."""
        lists = {name: tuple(values[name]) for name in ("clock_reasons", "xids")}
        named = {
            name: tuple(Process(**entry) for entry in values[name]) for name in ("processes", "visitors")
        }
        return cls(**{**values, **lists, **named})


def clock_reasons(bits: int) -> tuple[str, ...]:
    """The driver's bit mask in words; bits that are not known say so."""
    known = tuple(word for bit, word in CLOCK_REASONS.items() if bits & bit)
    rest = bits & ~sum(CLOCK_REASONS)
    return (*known, f"unknown reason {rest:#x}") if rest else known


def leftovers(state: CardState, base_bytes: int | None) -> list[str]:
    """Who or what still holds memory of the card; `base_bytes` is what an idle card uses, if known."""
    if state.processes:
        return [f"still {process}" for process in state.processes]
    base = base_bytes if base_bytes is not None else int(state.total_bytes * UNEXPLAINED_SHARE)
    if state.used_bytes <= base + SLACK_BYTES:
        return []
    idle = "" if base_bytes is None else f", {base_bytes // MIB} when idle"
    return [f"still {state.used_bytes // MIB} MiB in use by no process that the driver names{idle}"]


def ailments(state: CardState) -> list[str]:
    """What the hardware says of itself; waiting does not mend it."""
    faults = [xid for xid in dict.fromkeys(state.xids) if xid in HARDWARE_XIDS]
    reasons = [f"Xid {xid}: {HARDWARE_XIDS[xid]}" for xid in faults]
    if state.rows_pending:
        reasons.append("rows of its memory wait to be replaced by a reset")
    if state.recovery:
        reasons.append(f"the driver asks for: {state.recovery}")
    return reasons


def busy(state: CardState, base_bytes: int | None) -> list[str]:
    """What a little waiting may mend: somebody is still there, or the card is still hot."""
    hot = [f"throttled: {', '.join(state.slowdowns)}"] if state.slowdowns else []
    return [*leftovers(state, base_bytes), *hot]


def obstacles(state: CardState, base_bytes: int | None) -> list[str]:
    """Why nothing may be started on this card now; empty when it is clean and cool."""
    return [*ailments(state), *busy(state, base_bytes)]


def judge(base_bytes: int | None, after: CardState, *, ours: Sequence[str], run_seconds: float) -> list[str]:
    """Why a run that ended is not scored; empty when the card was the same for it as for any other.

    `after` covers the whole run, `ours` are the containers whose processes belong there.
    """
    return [
        *ailments(after),
        *_slowed(after.slowed_seconds, run_seconds),
        *(f"process {each.pid} of another program was there" for each in strangers(after.visitors, ours)),
        *leftovers(after, base_bytes),
    ]


def strangers(visitors: Sequence[Process], ours: Sequence[str]) -> list[Process]:
    """Those that certainly run outside our containers; one whose cgroup nobody saw is not accused."""
    return [each for each in visitors if each.cgroup and not any(name in each.cgroup for name in ours)]


def _slowed(seconds: Mapping[str, float], run_seconds: float) -> Iterator[str]:
    limit = max(1.0, SLOWED_SHARE * run_seconds)
    for reason, length in seconds.items():
        if length > limit:
            yield f"throttled: {reason} for {length:.0f} of {run_seconds:.0f} seconds"


_KERNEL_LINE = re.compile(r"^\d+,[^;]*;NVRM: Xid \(PCI:([0-9a-fA-F:]+)\): (\d+),")


def xids_in(records: Sequence[str], bus: str) -> list[int]:
    """The Xids that records of the kernel's log tell of the card at `bus`, such as `0000:3b:00`."""
    found = (_KERNEL_LINE.match(record) for record in records)
    return [int(match[2]) for match in found if match and match[1].lower() == bus]
