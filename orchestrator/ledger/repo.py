"""The bare repository, by plumbing only: nobody's configuration, hooks, filters or work tree take part."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from orchestrator.errors import LedgerError, SetupError
from orchestrator.ledger.disk import FREE_SPACE

_GIT_SECONDS = 120
_SCANT_BYTES = 256 * 1024
_OVERRIDES = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.untrackedCache": "false",
    "core.attributesFile": "/dev/null",
    "core.pager": "cat",
    "core.fsync": "all",
    "commit.gpgSign": "false",
    "i18n.commitEncoding": "utf-8",
    "protocol.allow": "never",
    "gc.auto": "0",
}
_FLAGS = [part for key, value in _OVERRIDES.items() for part in ("-c", f"{key}={value}")]
_IDENTITY = {"NAME": "autoresearch", "EMAIL": "autoresearch@localhost"}
_MOVE_BACK = "somebody else wrote to repo.git: put it back, or keep a copy and start a new tag"
Moves = Mapping[str, tuple[str | None, str]]
"""Full ref name -> the object it points to before (None: nothing) and after."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One object as read back, its id checked against its content."""

    kind: str
    data: bytes


class BareRepo:
    """Objects and refs of one folder. Raises LedgerError when git refuses or an object is damaged."""

    def __init__(self, folder: Path, *, held_fds: tuple[int, ...] = ()) -> None:
        self.folder = folder.absolute()  # git runs with another working directory
        self._held_fds = held_fds

    def initialise(self) -> None:
        """Make an empty repository, with no hooks and no template."""
        self._git("init", "--quiet", "--bare", "--template=", "-b", "best", "--object-format=sha1")

    def write_blob(self, data: bytes) -> str:
        return self._id("hash-object", "--no-filters", "-w", "--stdin", stdin=data)

    def write_tree(self, blobs: Mapping[str, str]) -> str:
        """Store a tree of regular files: plain path -> blob id; returns the tree's id."""
        lines = [f"100644 blob {blob}\t{path}\0" for path, blob in blobs.items() if "/" not in path]
        for name in sorted({path.split("/")[0] for path in blobs if "/" in path}):
            under = f"{name}/"
            inner = {path.removeprefix(under): blobs[path] for path in blobs if path.startswith(under)}
            lines.append(f"040000 tree {self.write_tree(inner)}\t{name}\0")
        return self._id("mktree", "-z", stdin="".join(lines).encode())

    def write_commit(self, tree: str, parent: str | None, message: str, when: datetime) -> str:
        signature = {**_IDENTITY, "DATE": f"{int(when.timestamp())} +0000"}
        env = {f"GIT_{who}_{what}": v for who in ("AUTHOR", "COMMITTER") for what, v in signature.items()}
        parents = ["-p", parent] if parent else []
        return self._id("commit-tree", tree, *parents, "-F", "-", stdin=message.encode(), env=env)

    def move(self, moves: Moves) -> None:
        """Move refs by compare-and-swap, all or none."""
        if not moves:
            return
        lines = [f"update {ref}\0{new}\0{old or '0' * 40}\0" for ref, (old, new) in moves.items()]
        script = "".join(["start\0", *lines, "prepare\0", "commit\0"])
        self._git("update-ref", "--no-deref", "-z", "--stdin", stdin=script.encode())

    def refs(self, *names: str) -> dict[str, str]:
        """Every ref, or those of these names, and what it points to; a symbolic one as `symbolic: target`."""
        form = "--format=%(refname)%00%(objectname)%00%(symref)"
        listing = self._git("for-each-ref", form, *names).decode()
        rows = [line.split("\0") for line in listing.splitlines()]
        return {name: f"symbolic: {target}" if target else object_id for name, object_id, target in rows}

    def drop_stale_locks(self) -> None:
        """Remove what a git process killed in the midst of moving a ref left behind."""
        for lock in [*self.folder.glob("*.lock"), *(self.folder / "refs").rglob("*.lock")]:
            lock.unlink(missing_ok=True)

    def pack_refs(self, most_loose: int) -> None:
        """Put the refs into one file, which is read a hundred times faster, when so many are files of their
        own."""
        if sum(len(files) for _, _, files in os.walk(self.folder / "refs")) > most_loose:
            self._git("pack-refs", "--all")

    def diffs(self, pairs: Iterable[tuple[str, str]]) -> list[bytes]:
        """What changed from each pair's first commit to its second, in one go."""
        wanted = list(pairs)
        options = ["--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--full-index"]
        asked = "".join(f"{new} {old}\n" for old, new in wanted).encode()
        output = self._git("diff-tree", "--stdin", "--always", "-p", "-r", *options, stdin=asked)
        ends, text = [0], b"\n" + output
        for _, new in wanted:  # no line of a diff begins as an id does
            ends.append(text.index(f"\n{new}\n".encode(), ends[-1]) + len(new) + 1)
        starts = [end - len(new) for end, (_, new) in zip(ends[1:], wanted, strict=True)]
        return [text[end + 1 : start] for end, start in zip(ends[1:], [*starts[1:], None], strict=True)]

    def read(self, ids: Iterable[str]) -> dict[str, Stored]:
        """Read objects in one go. Raises LedgerError when one is missing or damaged."""
        wanted = sorted(set(ids))
        if not wanted:
            return {}
        output = self._git("cat-file", "--batch", stdin="".join(f"{name}\n" for name in wanted).encode())
        found, position = {}, 0
        for name in wanted:
            end = output.index(b"\n", position)
            header = output[position:end].decode().split()
            if len(header) != 3:
                raise LedgerError(f"object {name} is missing from repo.git", remedy=_MOVE_BACK)
            position = end + 1 + int(header[2])
            found[name] = _checked(name, Stored(header[1], output[end + 1 : position]))
            position += 1
        return found

    def read_commits(self, commits: Iterable[str]) -> dict[str, dict[str, str]]:
        """The files of each commit: commit -> path -> text."""
        found = self.read(commits)
        trees = {commit: stored.data.split(b"\n", 1)[0][5:].decode() for commit, stored in found.items()}
        listings = self._listings(set(trees.values()))
        blobs = self.read(blob for listing in listings.values() for blob in listing.values())
        return {
            commit: {path: blobs[blob].data.decode() for path, blob in listings[tree].items()}
            for commit, tree in trees.items()
        }

    def _listings(self, trees: set[str]) -> dict[str, dict[str, str]]:
        entries = {tree: _tree_entries(stored.data) for tree, stored in self.read(trees).items()}
        folders = {object_id for rows in entries.values() for mode, _, object_id in rows if mode == "40000"}
        inner = self._listings(folders) if folders else {}
        listings: dict[str, dict[str, str]] = {}
        for tree, rows in entries.items():
            listings[tree] = {name: object_id for mode, name, object_id in rows if mode != "40000"}
            for mode, name, object_id in rows:
                if mode == "40000":
                    listings[tree] |= {f"{name}/{path}": blob for path, blob in inner[object_id].items()}
        return listings

    def _id(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        return self._git(*arguments, stdin=stdin, env=env).decode().strip()

    def _git(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        try:
            done = subprocess.run(  # noqa: S603 - a fixed program; no argument is a candidate's text
                ["git", *_FLAGS, *arguments],  # noqa: S607 - the user's git, from PATH
                input=stdin,
                capture_output=True,
                env={**_environment(self.folder), **(env or {})},
                cwd="/",
                timeout=_GIT_SECONDS,
                check=False,
                start_new_session=True,  # a Ctrl-C is for us to handle, not for a git that is writing
                pass_fds=self._held_fds,
            )
        except FileNotFoundError:
            raise SetupError("git is not installed", remedy="apt-get install git") from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise LedgerError(f"git {arguments[0]} did not end: {error}", remedy=FREE_SPACE) from error
        if done.returncode:
            raise self._refusal(arguments[0], done.stderr)
        return done.stdout

    def _refusal(self, command: str, stderr: bytes) -> LedgerError:
        lines = stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        full = b"No space left" in stderr or shutil.disk_usage(self.folder.parent).free < _SCANT_BYTES
        remedy = FREE_SPACE if full else _MOVE_BACK
        return LedgerError(f"git {command} failed: {lines[0]:.200}", remedy=remedy)


def _environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "TZ": "UTC",
        "GIT_DIR": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
    }


def _checked(name: str, stored: Stored) -> Stored:
    header = f"{stored.kind} {len(stored.data)}\0".encode()
    if hashlib.sha1(header + stored.data, usedforsecurity=False).hexdigest() != name:
        raise LedgerError(f"object {name} in repo.git is damaged", remedy=_MOVE_BACK)
    return stored


def _tree_entries(data: bytes) -> list[tuple[str, str, str]]:
    rows, position = [], 0
    while position < len(data):
        end = data.index(b"\0", position)
        mode, _, name = data[position:end].decode().partition(" ")
        rows.append((mode, name, data[end + 1 : end + 21].hex()))
        position = end + 21
    return rows
