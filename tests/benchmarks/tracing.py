"""Which system calls a running container makes, by name, as strace on the host sees them."""

from __future__ import annotations

import re
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ATTACH_SECONDS = 30.0
END_SECONDS = 60.0
_CALL = re.compile(rb"^(?:\[pid +\d+\] )?(?:<\.\.\. )?(\w+)(\(| resumed>)")
_REFUSED = re.compile(rb" = -1 (EPERM|ENOSYS) ")


@dataclass
class Seen:
    """Calls by name, and those that were answered with EPERM or ENOSYS, by name and answer."""

    calls: Counter[str] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)

    def note(self, line: bytes) -> None:
        """Take in one line of strace's output; a call that is shown in two halves is counted once."""
        if not (call := _CALL.match(line)):
            return
        name = call[1].decode()
        if call[2] == b"(":
            self.calls[name] += 1
        if answer := _REFUSED.search(line):
            self.refused[name, answer[1].decode()] += 1

    def add(self, other: Seen) -> None:
        self.calls += other.calls
        self.refused += other.refused


@contextmanager
def traced(first_process: int) -> Iterator[Seen]:
    """Everything that a process and its descendants call, present and future, complete when this ends.

    The process is a container's first; it must have been ended before this does.
    """
    processes = family(first_process)
    attach = [word for pid in processes for word in ("-p", str(pid))]
    command = ["strace", "-f", "-s", "0", *attach]
    strace = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    seen, attached = Seen(), threading.Event()
    reader = threading.Thread(target=_read, args=(strace, len(processes), seen, attached), daemon=True)
    reader.start()
    try:
        if not attached.wait(ATTACH_SECONDS) or strace.poll() is not None:
            raise RuntimeError("strace could not attach: it needs root and a local engine")
        yield seen
        strace.wait(END_SECONDS)
        reader.join(END_SECONDS)
    finally:
        strace.terminate()
        strace.wait()


def family(process: int) -> list[int]:
    """A process and all its descendants, as host process ids."""
    text = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [process, *(each for child in text.split() for each in family(int(child)))]


def _read(strace: subprocess.Popen[bytes], processes: int, seen: Seen, attached: threading.Event) -> None:
    assert strace.stderr is not None
    for line in strace.stderr:
        if line.startswith(b"strace: Process ") and b" attached" in line:
            processes -= 1
            if processes == 0:
                attached.set()
        seen.note(line)
    attached.set()
