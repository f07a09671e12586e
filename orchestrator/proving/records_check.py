"""Reads everything that a run wrote down, as its readers would, and finds what a candidate put there."""

from __future__ import annotations

import subprocess
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from orchestrator.ledger.verification import verify_run
from orchestrator.proving.canaries import Canaries
from orchestrator.proving.naive import elements_of

TEXTS = ("*.tsv", "*.txt", "*.diff", "*.log", "*.jsonl", "*.json", "*.html", "*.yaml")
COLUMNS = 5
TITLE_CHARACTERS = 256
ORDER = "HOSTILE-ORDER"  # what programs that give orders to the model begin their lines with
_ALLOWED = {"\n", "\t"}


def record_breaks(folder: Path, attempts: int) -> Iterator[str]:
    """What is wrong with a run folder after `attempts` attempts; the chain and every export included."""
    yield from (str(finding) for finding in verify_run(folder) if not finding.harmless)
    for pattern in TEXTS:
        for path in sorted(folder.rglob(pattern)):
            yield from hidden_characters(path.name, path.read_bytes().decode("utf-8", "replace"))
    yield from commit_breaks(folder / "repo.git")
    yield from table_breaks((folder / "results.tsv").read_text(encoding="utf-8"), attempts)
    for page in sorted(folder.rglob("*.html")):
        yield from page_breaks(page.name, page.read_text(encoding="utf-8"))


def hidden_characters(name: str, text: str) -> Iterator[str]:
    """Characters that would do something to a terminal, or hide something from a reader."""
    for character in sorted(set(text) - _ALLOWED):
        if unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"}:
            yield f"{name} holds U+{ord(character):04X}"


def table_breaks(table: str, attempts: int) -> Iterator[str]:
    """The table has its header and at most a row an attempt, each of COLUMNS cells and none a formula."""
    rows = [line.split("\t") for line in table.split("\n") if line]
    if len(rows) > attempts + 1:
        yield f"results.tsv has {len(rows) - 1} rows for {attempts} attempts"
    for row in rows:
        if len(row) != COLUMNS:
            yield f"results.tsv has a row of {len(row)} cells"
        elif row[-1][:1] in {"=", "+", "-", "@"}:
            yield f"results.tsv has a cell that begins with {row[-1][:1]}"
        elif len(row[-1]) > TITLE_CHARACTERS:
            yield f"results.tsv has a title of {len(row[-1])} characters"


def page_breaks(name: str, page: str) -> Iterator[str]:
    """Elements that a page opens though a candidate's text brought them: those are marked as hostile."""
    for element in elements_of(page):
        if "data-hostile" in element or "javascript:" in element:
            yield f"{name} opens {element[:60]}"


def prompt_breaks(prompt: str, nonce: str) -> Iterator[str]:
    """Hidden characters in a prompt, and orders of a candidate's that stand outside the data's frames."""
    yield from hidden_characters("the prompt", prompt)
    framed = False
    for line in prompt.splitlines():
        if line.endswith(nonce) and line.startswith(("BEGIN ", "END ")):
            framed = line.startswith("BEGIN ")
        elif ORDER in line and not framed:
            yield f"the prompt gives an order: {line[:60]}"


def commit_breaks(repo: Path) -> Iterator[str]:
    """Every attempt's commit has one trailer that names the attempt, and it is that of its ref."""
    form = "%(refname:lstrip=2) %(contents:trailers:key=Attempt,valueonly,separator=+)"
    command = ["git", "--git-dir", str(repo), "for-each-ref", "refs/attempts", f"--format={form}"]
    listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout  # noqa: S603 - fixed words
    for line in listed.splitlines():
        ref, _, trailers = line.partition(" ")
        if ref != trailers:
            yield f"the commit of attempt {ref} says that it is {trailers or 'none'}"


def objects_of(repo: Path) -> bytes:
    """Every object of a bare repository, as text. Its own configuration runs no hook and no filter."""
    command = ["git", "--git-dir", str(repo), "cat-file", "--batch-all-objects", "--batch"]
    return subprocess.run(command, capture_output=True, check=True).stdout  # noqa: S603 - fixed words


def leaks(folder: Path, canaries: Canaries) -> Iterator[str]:
    """Where a secret came out: in the run's files or its repository."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and "repo.git" not in path.parts):
        for place in canaries.found_in(path.read_bytes()):
            yield f"the secret of {place} stands in {path.name}"
    for place in canaries.found_in(objects_of(folder / "repo.git")):
        yield f"the secret of {place} stands in a commit"
