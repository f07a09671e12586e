"""Durable files and the lock of a run folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path

from orchestrator.errors import LedgerError, SetupError

CHECK_PERMISSIONS = "check the permissions of the run folder"
FREE_SPACE = "free space on the disk of the run folder, then start the run again: it goes on"
_LOCK_PATIENCE_SECONDS = 1.0


def refuse_link(path: Path) -> None:
    """Raises LedgerError when a part of the record is a symbolic link, since what it names is not the run's
    own, or a pipe or a device, for which a reader would wait."""
    if path.is_symlink() or not (path.is_file() or path.is_dir() or not path.exists()):
        kind = "a symbolic link" if path.is_symlink() else "neither a file nor a folder"
        remedy = "put back the run's own, or keep a copy and start a new tag"
        raise LedgerError(f"{path.name}: is {kind}", remedy=remedy)


def write_whole(path: Path, data: bytes) -> None:
    """Put a file in place at once: temporary name, fsync, rename, fsync of the folder.

    Raises LedgerError when it cannot be written; what was there before stays.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
        try:
            write_all(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise LedgerError(f"{path.name} cannot be written: {error.strerror}", remedy=FREE_SPACE) from error


def append_whole(path: Path, data: bytes) -> None:
    """Add to a file, durable on return. Raises LedgerError; then a part of it may be there."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
        try:
            write_all(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        raise LedgerError(f"{path.name} cannot be written: {error.strerror}", remedy=FREE_SPACE) from error


def write_all(fd: int, data: bytes) -> None:
    """Write every byte, however many calls it takes. Raises OSError."""
    while data:
        data = data[os.write(fd, data) :]


def sync_folder(folder: Path) -> None:
    """Make a folder's names durable. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class RunLock:
    """One process at a time in a run folder; the kernel lets go when it ends, however it ends.

    `fd` is handed to the git processes that we start, so that a run whose process was killed stays
    locked until its last git process has ended too.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self.fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            message = f"the run folder {folder} cannot be locked: {error.strerror}"
            raise SetupError(message, remedy="check that it exists and its permissions") from None
        if not self._taken():
            owner = os.pread(self.fd, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self.fd)
            message = f"run {folder.name} is already in progress (pid {owner})"
            raise SetupError(message, remedy="wait for it, stop it, or choose another --tag")
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next process in. The file stays: removing it would let two processes in."""
        os.close(self.fd)

    def _taken(self) -> bool:
        patience_ends = time.monotonic() + _LOCK_PATIENCE_SECONDS
        while True:
            try:
                fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > patience_ends:
                    return False
                time.sleep(0.05)
            else:
                return True
