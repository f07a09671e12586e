"""One line per fact, prefixed with its step, so that steps which run side by side stay readable."""

import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO

FIRST_SIGN_SECONDS = 2.0
SIGN_EVERY_SECONDS = 10.0
LINES_KEPT = 15

_started = time.monotonic()
_children: set[subprocess.Popen[bytes]] = set()
_stopping = threading.Event()


class SetupError(Exception):
    """The set-up cannot go on; the message names the remedy."""


def say(step: str, text: str) -> None:
    """Print one line of one step with the seconds since the start."""
    print(f"{time.monotonic() - _started:6.1f}s  {step:<7} {text}", flush=True)  # noqa: T201


def run(  # noqa: PLR0913 - one door to every program
    step: str,
    argv: Sequence[str],
    *,
    doing: str,
    env: Mapping[str, str] | None = None,
    feed: Callable[[IO[bytes]], None] | None = None,
    timeout_seconds: float = 1800.0,
) -> str:
    """Run a program, show that it lives, return its output; a failure is a SetupError with its last lines."""
    if _stopping.is_set():
        raise SetupError(f"{doing} was not started, because another step failed.")
    source = subprocess.PIPE if feed else subprocess.DEVNULL
    try:
        child = subprocess.Popen(  # noqa: S603  (fixed programs, no shell)
            argv, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env
        )
    except FileNotFoundError:
        raise SetupError(f"{doing} needs `{argv[0]}`, which is not installed.") from None
    _children.add(child)
    faults: list[BaseException] = []
    if feed and child.stdin:
        threading.Thread(target=_feed, args=(child, child.stdin, feed, faults), daemon=True).start()
    try:
        return _attend(step, child, doing, timeout_seconds)
    except SetupError as fault:
        raise (faults[0] if faults else fault) from None
    finally:
        _children.discard(child)


def stop_children() -> None:
    """End the programs of the other steps after one step has failed."""
    _stopping.set()
    for child in tuple(_children):
        child.terminate()


def _attend(step: str, child: subprocess.Popen[bytes], doing: str, timeout_seconds: float) -> str:
    lines: list[str] = []
    reader = threading.Thread(target=_read, args=(child, lines), daemon=True)
    reader.start()
    began, due = time.monotonic(), FIRST_SIGN_SECONDS
    while child.poll() is None:
        reader.join(0.05)
        seconds = time.monotonic() - began
        if seconds > timeout_seconds:
            child.kill()
            child.wait()
            reader.join(1.0)
            raise SetupError(f"{doing} took longer than {timeout_seconds:.0f} s and was stopped.")
        if seconds >= due:
            say(step, f"... {seconds:.0f} s  {lines[-1][:90] if lines else doing}")
            due = (due // SIGN_EVERY_SECONDS + 1) * SIGN_EVERY_SECONDS
    reader.join()
    if child.returncode:
        tail = "\n".join(f"    {line}" for line in deque(lines, LINES_KEPT))
        raise SetupError(f"{doing} failed with exit code {child.returncode}:\n{tail}")
    return "\n".join(lines)


def _read(child: subprocess.Popen[bytes], lines: list[str]) -> None:
    if not child.stdout:
        return
    with child.stdout as output:
        for raw in output:
            text = raw.decode(errors="replace").rstrip().rpartition("\r")[2]
            if text and not text.startswith("WARNING: Location"):  # pip, for every absent find-links page
                lines.append(text)


def _feed(
    child: subprocess.Popen[bytes],
    sink: IO[bytes],
    feed: Callable[[IO[bytes]], None],
    faults: list[BaseException],
) -> None:
    try:
        feed(sink)
    except BrokenPipeError:
        pass  # the program ended early; its exit code and its last words say why
    except Exception as fault:  # noqa: BLE001 - handed to the thread that waits for the program
        faults.append(fault)
        child.kill()  # half a stream must never look like a whole one
    finally:
        with suppress(BrokenPipeError):
            sink.close()
