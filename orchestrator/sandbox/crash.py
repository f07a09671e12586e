"""One line on how a container ended, for people and proposers to read. Nothing branches on it."""

from __future__ import annotations

from orchestrator.sandbox.engine import Exit
from orchestrator.sandbox.stream import BoundedLog
from orchestrator.text import sanitise_block, sanitise_line

KILLED = 137  # 128 + SIGKILL, ours and the kernel's alike


def readable(log: BoundedLog, limit_bytes: int) -> str:
    """The log as safe text of at most so many bytes; its end, where the reason is, is always there."""
    return sanitise_block(log.text(), limit_bytes, keep="tail")


def crash_reason(exit_: Exit, log: str) -> str:
    """The last line of a traceback if there is one, else the exit code and the last line."""
    lines = [line for line in log.strip().splitlines() if line.strip()]
    if exit_.oom_killed:
        return f"killed for using too much memory (exit code {exit_.code})"
    if exit_.code == KILLED:
        return "killed (exit code 137): for using too much memory, or from outside"
    if lines and "Traceback" in log:
        return sanitise_line(lines[-1], 200)
    return f"exit code {exit_.code}" + (f": {sanitise_line(lines[-1], 160)}" if lines else "")
